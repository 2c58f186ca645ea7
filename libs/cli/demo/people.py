"""The demonstration's leads: mostly ordinary, some of every kind that real lists hold."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_FIRST_NAMES = ("Ada", "Alan", "Barbara", "Claude", "Edsger", "Frances", "Grace", "Hedy", "Katherine", "Tony")
_LAST_NAMES = ("Allen", "Dijkstra", "Hamilton", "Hoare", "Hopper", "Johnson", "Knuth", "Lamarr", "Liskov", "Turing")
_AREA_CODES = (212, 303, 415, 512, 617, 702, 808, 917)
_BROKEN_PHONES = ("555-01", "call me", "+1 (000) 000-0000", "n/a", "12125550100123456")
_BROKEN_EMAILS = ("nobody", "a@b", "first last@example.com", "@example.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A lead as it is written down, and what is meant by it.

    Args:
        written: the lead's own fields, by their names in MongoDB.
        phone: its phone in normal form; None where it has none that could be asked about.
        email: its email in normal form; likewise.
    """

    written: Mapping[str, str]
    phone: str | None = None
    email: str | None = None

    def document(self, workspace: str, *, at: datetime) -> dict[str, Any]:
        """The lead as the app stores it."""
        return {"workspaceId": workspace, **self.written, "createdAt": at, "updatedAt": at}


_SHARES: Sequence[tuple[str, float]] = (
    ("email_only", 0.12),
    ("national_format", 0.08),
    ("shared_phone", 0.08),
    ("broken_phone", 0.04),
    ("nameless", 0.04),
    ("nothing", 0.03),
    ("all_broken", 0.02),
    ("broken_email_only", 0.02),
)
"""How large a share of the leads each kind is; the others have a phone and an email, as they should."""


def make_people(count: int, *, seed: int) -> list[Person]:
    """So many leads, of all kinds, shuffled; the same ones for the same seed."""
    source = random.Random(seed)  # noqa: S311 - made-up people need no secret numbers
    kinds = [kind for kind, share in _SHARES for _ in range(int(count * share))]
    kinds += ["ordinary"] * (count - len(kinds))
    contacts = _contacts(source)
    people: list[Person] = []
    shared: str | None = None
    for number, kind in enumerate(kinds):
        phone, email = next(contacts)
        if kind == "shared_phone":
            # Households of two.
            phone, shared = (shared, None) if shared else (phone, phone)
        people.append(_person(kind, number, phone, email, source))
    source.shuffle(people)
    return people


def _person(kind: str, number: int, phone: str, email: str, source: random.Random) -> Person:
    name = {"firstName": source.choice(_FIRST_NAMES), "lastName": source.choice(_LAST_NAMES)}
    broken_phone, broken_email = source.choice(_BROKEN_PHONES), source.choice(_BROKEN_EMAILS)
    match kind:
        case "email_only":
            return Person(written={**name, "email": email}, email=email)
        case "national_format":
            written = {**name, "phone": f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}", "email": email.upper()}
            return Person(written=written, phone=phone, email=email)
        case "broken_phone":
            return Person(written={**name, "phone": broken_phone, "email": email}, email=email)
        case "nameless":
            return Person(written={"phone": phone}, phone=phone)
        case "nothing":
            return Person(written=name if number % 2 else {**name, "phone": "", "email": ""})
        case "all_broken":
            return Person(written={**name, "phone": broken_phone, "email": broken_email})
        case "broken_email_only":
            return Person(written={**name, "email": broken_email})
    return Person(written={**name, "phone": phone, "email": email}, phone=phone, email=email)


def _contacts(source: random.Random) -> Iterator[tuple[str, str]]:
    """Phones and emails in normal form, none of them twice."""
    numbers = source.sample(range(2_000_000, 9_999_999), 200_000)
    for count, number in enumerate(numbers):
        yield f"+1{source.choice(_AREA_CODES)}{number}", f"lead{count}@example.com"
