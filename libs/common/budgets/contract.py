"""What budgets do; the one in Redis and the one for when Redis is away keep to this."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from libs.common.budgets.limits import LineLimits, WarmUp
from libs.common.budgets.quiet_hours import QuietHours
from libs.common.messages.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBudget:
    """What a line may bear.

    Args:
        line_id: its id.
        zone: gives its days and quiet hours their meaning.
        limits: its own limits.
        quiet: its quiet hours, if it has any.
        warm_up: its first days, if it has them still.
    """

    line_id: str
    zone: ZoneInfo
    limits: LineLimits = field(default_factory=LineLimits)
    quiet: QuietHours | None = None
    warm_up: WarmUp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceBudget:
    """What a workspace may send in all, and its lines.

    Args:
        workspace_id: its id.
        zone: gives its days their meaning.
        lines: every line that may hold promises, whatever its state.
        per_day: messages per local day, all lines together; ``None`` for no limit.
        recipient_gap: the pause between two messages to one recipient.
        epoch: changes whenever something was sent past these budgets, which then are made anew from MongoDB.
    """

    workspace_id: str
    zone: ZoneInfo
    lines: tuple[LineBudget, ...]
    per_day: int | None = None
    recipient_gap: timedelta = timedelta(0)
    epoch: int = 0

    def line(self, line_id: str) -> LineBudget:
        """The line of this id.

        Raises:
            KeyError: the workspace has no such line.
        """
        for line in self.lines:
            if line.line_id == line_id:
                return line
        raise KeyError(line_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A message that wants to go.

    Args:
        message_id: its id.
        line_id: the line that shall send it.
        recipient: the handle, normalised.
        starts_conversation: whether nothing was ever sent to the recipient on that line.
    """

    message_id: str
    line_id: str
    recipient: str
    starts_conversation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The message may go now, and is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The message may not go now.

    Args:
        at: when it may, or may ask again.
        reason: the limit that binds; ``None`` where it was told before.
        promised: whether that moment is its own; it is counted then.
    """

    at: datetime
    reason: Reason | None
    promised: bool


class Budgets(Protocol):
    """Reserves all layers of a message's way together, or none. Thread-safe.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where the store is away.
    """

    def reserve(self, workspace: WorkspaceBudget, wish: Wish) -> Granted | Later:
        """Whether a message may go now; if not, from when on. What it held before on this line is given up for it."""
        ...

    def still_reserved(self, workspace: WorkspaceBudget, wish: Wish) -> bool:
        """Whether a granted reservation still stands: the store may have lost it since."""
        ...

    def give_back(self, workspace_id: str, wish: Wish) -> None:
        """Undoes a reservation whose message certainly did not go and will not go by it."""
        ...

    def loads(self, workspace: WorkspaceBudget) -> dict[str, float]:
        """By line id, the part of the line's day that is promised already; above 1 where limits were lowered."""
        ...
