"""The rows that go through a sync: as a source gives them, and as they are once mapped to a lead's fields."""

from collections.abc import Mapping
from typing import Final

import msgspec

FIRST_NAME: Final = "firstName"
LAST_NAME: Final = "lastName"
EMAIL: Final = "email"
PHONE: Final = "phone"

LEAD_FIELDS: Final = (FIRST_NAME, LAST_NAME, EMAIL, PHONE)
"""The fields of a lead that a source may fill, by their names in MongoDB."""

SHOWN_CHARACTERS: Final = 80
"""How much of a refused value is kept for a person to see."""


class SourceRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row as its source gives it.

    Args:
        place: where a person finds the row: its id in the CRM, or its number in the sheet.
        external_id: what identifies the row for as long as it exists; empty where the source has no such thing and a
            handle must do.
        values: texts by the source's own field names; only mapped fields, empty ones may be missing or ``None``.
        removed: the row was deleted at the source; then the other values need not be there.
    """

    place: str
    external_id: str
    values: Mapping[str, str | None] = {}
    removed: bool = False


class RowProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row, or one field of it, was not taken.

    Args:
        place: where a person finds the row.
        field: the lead's field, by its name in MongoDB.
        value: the refused text, shortened.
        reason: one of the ``Reason`` words.
        fatal: whether the whole row was left out; otherwise only this field was.
    """

    place: str
    field: str
    value: str
    reason: str
    fatal: bool


class Reason:
    """The words that say why something was not taken."""

    INVALID_PHONE: Final = "invalid_phone"
    INVALID_EMAIL: Final = "invalid_email"
    NO_CONTACT: Final = "no_contact"
    """Neither a phone number nor an email address is filled."""
    NO_EXTERNAL_ID: Final = "no_external_id"
    """The column that identifies rows is empty here, or longer than an identity can be."""
    REPEATED: Final = "repeated_external_id"
    """An earlier row of the same source has the same identity; the first one counts."""
    TAKEN: Final = "belongs_to_another_lead"
    """Another lead of the workspace has this handle; a person must decide which of the two is right."""


class MappedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row in a lead's fields.

    Args:
        place: where a person finds the row.
        external_id: its identity at the source.
        values: normalised texts by lead field; empty fields are missing. Never without a phone or an email.
        fingerprint: stands for the raw values and the rules that were applied; see ``RowMapper.fingerprint``.
        problems: fields that were left out.
    """

    place: str
    external_id: str
    values: Mapping[str, str]
    fingerprint: int
    problems: tuple[RowProblem, ...] = ()


def shortened(text: str) -> str:
    """A refused text as it is kept: at most ``SHOWN_CHARACTERS``, the rest replaced by an ellipsis."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
