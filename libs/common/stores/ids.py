"""Ids of documents, which this system writes as ObjectIds and the app may have written as text."""

from bson import ObjectId


def stored_id(text: str) -> ObjectId | str:
    """The id as it is stored: an ObjectId where it has the form of one."""
    return ObjectId(text) if ObjectId.is_valid(text) else text


def either_form(text: str) -> list[ObjectId | str]:
    """The forms in which a reference to a document may be stored."""
    stored = stored_id(text)
    return [stored] if isinstance(stored, str) else [stored, text]
