"""What of their limits lines have used today, and when each may send again. Made of what MongoDB says, without I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.common.budgets.contract import LineBudget
from libs.common.budgets.openings import horizon_of, openings_of
from libs.common.budgets.slots import WINDOW_MS, Opening, Pace, Usage, place
from libs.common.clock import from_ms, to_ms
from libs.common.messages.explaining import sentence_of
from services.gateway.message_desk import Books

_DAYS: Final = 31
_MINUTE_MS: Final = 60_000
MOST_WORKSPACES: Final = 12
"""For so many workspaces at once the books are read; the lines of further ones are shown without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A limit.

    Args:
        what: what is counted.
        count: how many there are.
        limit: how many there may be; ``None`` where there is no limit.
    """

    what: str
    count: int
    limit: int | None

    @property
    def is_full(self) -> bool:
        """Whether nothing is left."""
        return self.limit is not None and self.count >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUse:
    """A line's limits today.

    Args:
        used: each limit; what was promised for later today counts too.
        next_at: when it may start a conversation next; ``None`` where not within a month.
        why: what it waits for until then; empty where it need not wait.
    """

    used: Sequence[Used]
    next_at: datetime | None
    why: str


def uses_of(
    workspaces: Sequence[str], read: Callable[[str], Books], *, now: datetime
) -> tuple[Mapping[str, LineUse], bool]:
    """The use of each line of these workspaces by its id, and whether all of them were looked at.

    Args:
        workspaces: whose lines; repeats count once.
        read: reads the books of a workspace.
        now: the current moment.
    """
    distinct = list(dict.fromkeys(workspaces))
    uses: dict[str, LineUse] = {}
    for workspace in distinct[:MOST_WORKSPACES]:
        books = read(workspace)
        uses |= {line.line_id: use_of(line, books, now=now) for line in books.budget.lines}
    return uses, len(distinct) <= MOST_WORKSPACES


def use_of(line: LineBudget, books: Books, *, now: datetime) -> LineUse:
    """How far a line's limits are used."""
    now_ms, records = to_ms(now), books.records
    openings = openings_of(line, books.budget, now=now, days=_DAYS)
    slots = sorted(slot.at_ms for slot in records.slots[line.line_id])
    today = openings[0] if openings else None
    new_days = {day: len(people) for (line_id, day), people in records.conversations.items() if line_id == line.line_id}
    line_days = {day: count for (line_id, day), count in records.line_days.items() if line_id == line.line_id}
    placement = place(
        now_ms=now_ms,
        is_new=True,
        openings=openings,
        horizon_ms=to_ms(horizon_of(line, now=now, days=_DAYS)),
        pace=Pace(per_minute=line.limits.per_minute),
        usage=Usage(
            slots_ms=slots, line_days=line_days, new_days=new_days, workspace_days=dict(records.workspace_days)
        ),
    )
    in_minute = sum(now_ms - min(_MINUTE_MS, WINDOW_MS) < at <= now_ms for at in slots)
    waits = placement.at_ms > now_ms
    return LineUse(
        used=[
            Used(what="this minute", count=in_minute, limit=line.limits.per_minute),
            *_days(today, line_days, new_days),
        ],
        next_at=None if placement.opening is None else from_ms(placement.at_ms),
        why=sentence_of(placement.reason) if waits and placement.reason else "",
    )


def _days(today: Opening | None, line_days: Mapping[str, int], new_days: Mapping[str, int]) -> list[Used]:
    if today is None:
        return []
    day = today.line_day
    return [
        Used(what="today", count=line_days.get(day, 0), limit=today.per_day),
        Used(what="new people today", count=new_days.get(day, 0), limit=today.new_per_day),
    ]
