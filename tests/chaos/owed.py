"""What an installation owes, and the list of it, written only after the acknowledgement."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What is owed."""

    MESSAGE = "message"
    """One message goes out, once."""
    LEAD = "lead"
    """One lead gets its answer, whether it can be reached."""
    CONTACT = "contact"
    """One contact of the CRM becomes a lead, one."""
    TICK = "tick"
    """One tick of a schedule (due messages, health checks) is carried out, once."""


class Owed(NamedTuple):
    """One effect."""

    kind: Kind
    name: str


@dataclass(slots=True)
class Accepted:
    """What was acknowledged, and when (seconds since 1970).

    Args:
        owed: each effect that was promised.
        refused: requests that were given up.
        statuses: every answer's HTTP status; 0 where there was no answer.
    """

    owed: dict[Owed, float] = field(default_factory=dict)
    refused: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    def promise(self, kind: Kind, names: Iterable[str], at: float) -> None:
        """Write promises down."""
        self.owed |= {Owed(kind, name): at for name in names}

    def names(self, kind: Kind) -> list[str]:
        """What was promised of a kind."""
        return [each.name for each in list(self.owed) if each.kind is kind]
