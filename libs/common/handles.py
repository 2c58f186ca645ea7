"""Handles: the addresses by which iMessage knows people, in the one form in which they are compared and asked.

A phone number becomes E.164 (``+12125550123``), an e-mail address lower case. Two texts that mean the same handle give
the same result, so leads can be matched and questions de-duplicated by plain equality. The rules are those of the
libraries ``phonenumbers`` and ``email-validator``; the forms that nearly all leads have are recognised by a pattern
first, which is some ten times faster and tested to give what the libraries give.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES as SPECIAL_DOMAINS
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult


class Service(StrEnum):
    """What a handle can be reached by, in the word that is stored and shown."""

    IMESSAGE = "iMessage"
    SMS = "SMS"


_NORTH_AMERICA = frozenset({"US", "CA"})

# Area codes of the North American Numbering Plan begin with 2 to 9 (https://www.nanpa.com/numbering). So do exchanges,
# but numbers that people make up for examples, such as 555 123 4567, do not keep to that.
_NORTH_AMERICAN = re.compile(r"(\+?1[-. ]?)?(?:\(([2-9][0-9]{2})\)|([2-9][0-9]{2}))[-. ]?([0-9]{3})[-. ]?([0-9]{4})")
_NORTH_AMERICAN_E164 = re.compile(r"\+1[2-9][0-9]{9}")
_E164 = re.compile(r"\+([1-9][0-9]{6,14})")

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?P<top>[a-z]{2,24})", re.ASCII
)
_PLAIN_EMAIL_LENGTH = 64
"""Within it no part of an address can be longer than RFC 5321 and RFC 1035 allow."""
_SPECIAL_TOPS = frozenset(domain.rsplit(".", 1)[-1] for domain in SPECIAL_DOMAINS)


def normal_phone(text: str, *, region: str) -> str | None:
    """The phone number in E.164, without an extension; ``None`` where the text cannot be a phone number.

    A number must have a length that its country uses, and in North America an area code that may exist. It need not be
    in a range known to be assigned: ranges are assigned before the library knows them, and asking about a number that
    does not exist costs one call, while refusing one that does loses a person.

    Args:
        text: as a person or a CRM wrote it.
        region: ISO 3166-1 alpha-2; where numbers without a country code are read.
    """
    if match := _NORTH_AMERICAN.fullmatch(text):
        prefix, bracketed, area, exchange, line = match.groups()
        if region in _NORTH_AMERICA or (prefix and prefix[0] == "+"):
            return f"+1{bracketed or area}{exchange}{line}"
    elif (plain := _E164.fullmatch(text)) and _is_plain_e164(plain[1]):
        return text
    return _phone_by_library(text, region)


def normal_email(text: str) -> str | None:
    """The e-mail address in lower case; ``None`` where it is malformed or of a domain that can have no mail.

    Whether the domain exists is not looked up.
    """
    if len(text) <= _PLAIN_EMAIL_LENGTH:
        lowered = text.lower()
        match = _PLAIN_EMAIL.fullmatch(lowered)
        if match and text.isascii() and match["top"] not in _SPECIAL_TOPS:
            return lowered
    return _email_by_library(text)


def _phone_by_library(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if number.country_code == 1 and not _NORTH_AMERICAN_E164.fullmatch(e164):
        return None
    return e164


def _email_by_library(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What of a country's numbering plan decides whether digits after the country code are a number as they stand."""

    lengths: frozenset[int]
    national_prefix: re.Pattern[str] | None


@cache
def _plan(country_code: int) -> _Plan | None:
    region = phonenumbers.region_code_for_country_code(country_code)
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(country_code, region)
    if country_code == 1 or metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return _Plan(frozenset(metadata.general_desc.possible_length), re.compile(prefix) if prefix else None)


def _is_plain_e164(digits: str) -> bool:
    for width in (1, 2, 3):
        code = int(digits[:width])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            plan = _plan(code)
            national = digits[width:]
            return (
                plan is not None
                and len(national) in plan.lengths
                and not (plan.national_prefix and plan.national_prefix.match(national))
            )
    return False
