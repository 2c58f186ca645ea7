"""Phone numbers and email addresses of an import in their normal form, with refusals that a person understands."""

import re

from libs.common import handles
from libs.common.errors import TucoError

_SHORTENED = re.compile(r"^\d([.,]\d+)?[eE]\+?\d+$")
_FEWEST_DIGITS = 5


class ContactError(TucoError):
    """A phone number or an email address that cannot be one; the message names the column and the text."""


def normal_email(text: str) -> str:
    """An email address in its normal form. Nothing is asked over the network.

    Raises:
        ContactError: it cannot be an address that gets mail.
    """
    email = handles.normal_email(text)
    if email is None:
        raise ContactError(f"email: {_shown(text)} is no address")
    return email


def normal_phone(text: str, *, region: str) -> str:
    """A phone number in E.164 form.

    Args:
        text: the number as someone wrote it.
        region: where a number without a country code is at home (ISO 3166-1 alpha-2).

    Raises:
        ContactError: it cannot be a number.
    """
    # Spreadsheets write an apostrophe before a number that they are to leave alone.
    text = text.lstrip("'").strip()
    if _SHORTENED.match(text):
        raise ContactError(f"phone: {_shown(text)} has lost digits in a spreadsheet; format that column as text")
    phone = handles.normal_phone(text, region=region)
    if phone is not None:
        return phone
    if sum(letter.isdigit() for letter in text) < _FEWEST_DIGITS:
        raise ContactError(f"phone: {_shown(text)} is no phone number")
    raise ContactError(
        f"phone: {_shown(text)} is no phone number in {region}; a number from elsewhere starts with + and its country"
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
