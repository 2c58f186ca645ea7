"""Recipients: the handle that a message's ``to`` stands for, and its short name where no contact data may be."""

import hashlib

from libs.common.handles import normal_email, normal_phone


def normal_recipient(text: str, *, region: str) -> str | None:
    """The handle in the form in which providers and leads know it; ``None`` where the text is no phone or address.

    Args:
        text: as the app wrote it.
        region: ISO 3166-1 alpha-2; where phone numbers without a country code are read.
    """
    text = text.strip()
    return normal_email(text) if "@" in text else normal_phone(text, region=region)


def recipient_key(workspace_id: str, handle: str) -> str:
    """A short name for a recipient of a workspace, from which the handle cannot be read (24 hex digits)."""
    return hashlib.blake2b(f"{workspace_id}\0{handle}".encode(), digest_size=12).hexdigest()
