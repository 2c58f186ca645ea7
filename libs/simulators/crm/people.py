"""Made-up people, each computed from a seed and a position, never stored.

    people = People(seed=1)
    people.person(0).first_name

The same seed and position give the same person in every process and on every machine, so a table of a million rows
costs no memory, and a test can compute what a reader should have found. Each person carries, beside the values as the
CRM shows them, what those values are worth: `mailbox` and `e164` are the email address and the phone number in one
spelling, or None where the shown value is blank or invalid.

A share of the people are duplicates of an earlier one: the same mailbox and number, in another spelling, sometimes
with one of them blank.
"""

from typing import Final

import msgspec

from libs.simulators.crm import phone_numbers
from libs.simulators.crm.names import (
    CITIES,
    COMPANY_FIRST,
    COMPANY_LAST,
    FIRST_NAMES,
    JOB_TITLES,
    LAST_NAMES,
    MAIL_DOMAINS,
    NOTES,
    SEGMENTS,
)

_MASK: Final = (1 << 64) - 1
_ROMAN: Final = ("", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How untidy the people are; every field is a share between 0 and 1.

    `invalid_*` and `upper_email` are shares of all rows, not of the rows that are filled.
    """

    duplicates: float = 0.02
    blank_first_name: float = 0.03
    blank_last_name: float = 0.04
    blank_email: float = 0.08
    invalid_email: float = 0.03
    upper_email: float = 0.10
    blank_phone: float = 0.10
    invalid_phone: float = 0.04


TIDY: Final = Shape(
    duplicates=0,
    blank_first_name=0,
    blank_last_name=0,
    blank_email=0,
    invalid_email=0,
    upper_email=0,
    blank_phone=0,
    invalid_phone=0,
)
"""People with nothing wrong: every field filled, every handle valid, nobody twice."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person as a CRM holds it. Text is None where the CRM's field is empty.

    `index` is the position, `original` the position of the person that this one duplicates (its own where it duplicates
    nobody), `mailbox` and `e164` what `email` and `phone` are worth.
    """

    index: int
    original: int
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    mobile: str | None
    company: str | None
    job_title: str | None
    city: str | None
    segment: str
    score: int
    subscribed: bool
    notes: str | None
    mailbox: str | None
    e164: str | None

    @property
    def full_name(self) -> str | None:
        """Both names joined by a space, or the one that is filled."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


def mix(value: int) -> int:
    """Return 64 well-mixed bits for an integer (the finaliser of splitmix64, by S. Vigna, public domain)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def _threshold(share: float) -> int:
    """Return a share as a bound for 16 random bits."""
    return round(share * 65_536)


class People:
    """The people of one seed.

    Args:
        seed: any integer; different seeds give different people, though their numbers and mailboxes overlap where
            their positions do.
        shape: how untidy they are.

    """

    def __init__(self, seed: int, shape: Shape | None = None) -> None:
        self.seed = seed
        self.shape = shape or Shape()
        self._salt = mix(seed) ^ 0x5DEECE66D
        self._duplicate = _threshold(self.shape.duplicates)
        self._blank_first = _threshold(self.shape.blank_first_name)
        self._blank_last = _threshold(self.shape.blank_last_name)
        self._blank_email = _threshold(self.shape.blank_email)
        self._invalid_email = self._blank_email + _threshold(self.shape.invalid_email)
        self._upper_email = self._invalid_email + _threshold(self.shape.upper_email)
        self._blank_phone = _threshold(self.shape.blank_phone)
        self._invalid_phone = self._blank_phone + _threshold(self.shape.invalid_phone)

    def original(self, index: int) -> int:
        """Return the position of the person that this one duplicates, or its own."""
        bits = mix(self._salt + index)
        while index and bits & 0xFFFF < self._duplicate:
            index = (bits >> 16) % index
            bits = mix(self._salt + index)
        return index

    def person(self, index: int, revision: int = 0) -> Person:
        """Return the person at a position; a later revision has another last name, job title and score."""
        bits = mix(self._salt + index)
        source = index if not index or bits & 0xFFFF >= self._duplicate else self.original(index)
        who = mix(self._salt ^ (source + 1) * 0x2545F491)
        first, first_mail = FIRST_NAMES[who % len(FIRST_NAMES)]
        last, last_mail = LAST_NAMES[(who >> 8) % len(LAST_NAMES)]
        rest = mix(bits)
        email, mailbox = self._email(f"{first_mail}.{last_mail}{source}@{MAIL_DOMAINS[(who >> 16) % 7]}", bits, rest)
        phone, e164 = self._phone(source, bits, rest)
        if revision:
            last = f"{last} {_ROMAN[revision % 8 + 1]}"
        return Person(
            index=index,
            original=source,
            first_name=None if (rest & 0xFFFF) < self._blank_first else first,
            last_name=None if (rest >> 16) & 0xFFFF < self._blank_last else last,
            email=email,
            phone=phone,
            mobile=phone_numbers.written(e164, rest >> 37) if e164 and bits >> 62 == 0 else None,
            company=f"{COMPANY_FIRST[(who >> 24) % 12]} {COMPANY_LAST[(who >> 32) % 8]}" if who >> 61 else None,
            job_title=JOB_TITLES[((who >> 40) + revision) % 8],
            city=CITIES[(who >> 44) % 10] if (who >> 48) & 3 else None,
            segment=SEGMENTS[(rest >> 32) & 3],
            score=((rest >> 34) + revision) % 101,
            subscribed=bool((rest >> 42) & 7),
            notes=NOTES[(rest >> 45) & 7] if (rest >> 48) & 3 == 0 else None,
            mailbox=mailbox,
            e164=e164,
        )

    def _email(self, mailbox: str, bits: int, rest: int) -> tuple[str | None, str | None]:
        """Return the email as shown and what it is worth."""
        draw = (bits >> 16) & 0xFFFF
        if draw >= self._upper_email:
            return mailbox, mailbox
        if draw < self._blank_email:
            return None, None
        if draw < self._invalid_email:
            local, _, domain = mailbox.partition("@")
            wrong = (f"{local}@", f"{local}.{domain}", f"{local}@@{domain}", f"{local} @ {domain}", "n/a", f"@{domain}")
            return wrong[rest % len(wrong)], None
        return (mailbox.upper() if rest & 1 else f" {mailbox.title()} "), mailbox

    def _phone(self, source: int, bits: int, rest: int) -> tuple[str | None, str | None]:
        """Return the phone as shown and what it is worth."""
        draw = (bits >> 32) & 0xFFFF
        if draw < self._blank_phone:
            return None, None
        if draw < self._invalid_phone:
            return phone_numbers.invalid(rest), None
        number = phone_numbers.e164(source)
        return phone_numbers.written(number, rest >> 50), number
