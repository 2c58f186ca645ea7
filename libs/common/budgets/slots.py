"""The next free slot: when a message may go, given everything that was already promised on its line.

A line keeps a list of *slots*: the moments at which its messages went or will go. A message that may not go now is
given the first free slot after the last one in the first opening that can take it, and waits for that one moment;
so a thousand waiting messages wake up one by one and not all at once.

This is the rule in plain Python, used where Redis is away and as the measure for ``scripts/reserve.lua``, which is the
same rule in one atomic step.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from libs.common.messages.reasons import Reason

LATE_OK_MS = 2_000
"""How late a message may take the slot that it was given; later than this it is placed anew."""

WINDOW_MS = 60_000 + LATE_OK_MS
"""The span in which a line sends at most ``per_minute`` messages: a minute, and what lateness may shift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A span in which the line may send, with what its days can still take.

    Args:
        opens_ms: the first moment, in milliseconds since the Unix epoch.
        closes_ms: the moment after the last.
        line_day: the line's local date (ISO 8601).
        workspace_day: the workspace's local date.
        per_day: the line's limit on that day; ``None`` for none.
        new_per_day: the line's limit of new conversations on that day.
        workspace_per_day: the workspace's limit on that day.
    """

    opens_ms: int
    closes_ms: int
    line_day: str
    workspace_day: str
    per_day: int | None = None
    new_per_day: int | None = None
    workspace_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How closely messages may follow one another.

    Args:
        per_minute: the most messages of the line in any minute; ``None`` for no limit.
        gap_ms: the pause that this message keeps to the line's others: a random part of the even spacing.
        recipient_gap_ms: the pause between two messages to one recipient, whatever their lines.
    """

    per_minute: int | None = None
    gap_ms: int = 0
    recipient_gap_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The slot that a message was given before."""

    at_ms: int
    line_day: str
    workspace_day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was already promised, the asking message's own slot left out.

    Args:
        slots_ms: the line's slots in order, at least those since a window ago.
        line_days: messages per local day of the line.
        new_days: new conversations per local day of the line.
        counted_days: the days on which this recipient is already among the new conversations.
        workspace_days: messages per local day of the workspace.
        recipient_last_ms: the latest slot of any message to this recipient.
        held: the message's own slot, where it has one.
    """

    slots_ms: Sequence[int] = ()
    line_days: Mapping[str, int] = field(default_factory=dict)
    new_days: Mapping[str, int] = field(default_factory=dict)
    counted_days: frozenset[str] = frozenset()
    workspace_days: Mapping[str, int] = field(default_factory=dict)
    recipient_last_ms: int | None = None
    held: Held | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """When the message may go.

    Args:
        at_ms: the moment; now where it may go at once.
        reason: the limit that binds; ``None`` where none does.
        opening: the opening whose days it uses; ``None`` where nothing is reserved and it asks again at ``at_ms``.
        kept: the slot is the one that it held before, so nothing is to be counted.
    """

    at_ms: int
    reason: Reason | None = None
    opening: Opening | None = None
    kept: bool = False


def place(
    *, now_ms: int, is_new: bool, openings: Sequence[Opening], horizon_ms: int, pace: Pace, usage: Usage
) -> Placement:
    """When a message may go on a line.

    Args:
        now_ms: the current moment.
        is_new: whether it starts a conversation on this line.
        openings: the line's openings in order, none of them past.
        horizon_ms: where the openings end; beyond it nobody has looked.
        pace: how closely messages may follow one another.
        usage: what was already promised.
    """
    if held := _still_good(usage.held, now_ms, openings):
        return held
    free_for_recipient = _recipient_free_at(usage, pace)
    if free_for_recipient > now_ms:
        return Placement(at_ms=free_for_recipient, reason=Reason.RECIPIENT_GAP)
    blocked: Reason | None = None
    for opening in openings:
        start = max(opening.opens_ms, now_ms)
        if start >= opening.closes_ms:
            continue
        if start > now_ms:
            blocked = blocked or Reason.QUIET_HOURS
        if full := _full_day(opening, usage, is_new=is_new):
            blocked = full
            continue
        at = _free_in(opening, start, now_ms, pace, usage.slots_ms)
        if at is not None:
            reason = None if at == now_ms else blocked or Reason.LINE_PER_MINUTE
            return Placement(at_ms=at, reason=reason, opening=opening)
        blocked = Reason.LINE_PER_MINUTE
    return Placement(at_ms=horizon_ms, reason=blocked or Reason.QUIET_HOURS)


def _still_good(held: Held | None, now_ms: int, openings: Sequence[Opening]) -> Placement | None:
    if held is None or now_ms - held.at_ms > LATE_OK_MS:
        return None
    if held.at_ms > now_ms:
        return Placement(at_ms=held.at_ms, kept=True)
    open_now = any(o.opens_ms <= now_ms < o.closes_ms and o.line_day == held.line_day for o in openings)
    return Placement(at_ms=now_ms, kept=True) if open_now else None


def _recipient_free_at(usage: Usage, pace: Pace) -> int:
    # A later message of a conversation never overtakes an earlier one that waits, gap or not.
    return 0 if usage.recipient_last_ms is None else usage.recipient_last_ms + pace.recipient_gap_ms


def _full_day(opening: Opening, usage: Usage, *, is_new: bool) -> Reason | None:
    if _reached(usage.line_days.get(opening.line_day, 0), opening.per_day):
        return Reason.LINE_PER_DAY
    adds_conversation = is_new and opening.line_day not in usage.counted_days
    if adds_conversation and _reached(usage.new_days.get(opening.line_day, 0), opening.new_per_day):
        return Reason.NEW_CONVERSATIONS_PER_DAY
    if _reached(usage.workspace_days.get(opening.workspace_day, 0), opening.workspace_per_day):
        return Reason.WORKSPACE_PER_DAY
    return None


def _reached(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit


def _free_in(opening: Opening, start: int, now_ms: int, pace: Pace, slots: Sequence[int]) -> int | None:
    """The moment in ``opening`` for one more message: now, or after the last one that is there."""
    if start == now_ms and _fits(now_ms, pace, slots):
        return now_ms
    taken = bisect_left(slots, opening.closes_ms)
    at = start
    if taken:
        at = max(at, slots[taken - 1] + pace.gap_ms)
    if pace.per_minute is not None and 0 < pace.per_minute <= taken:
        at = max(at, slots[taken - pace.per_minute] + WINDOW_MS)
    return at if at < opening.closes_ms and _fits(at, pace, slots) else None


def _fits(at: int, pace: Pace, slots: Sequence[int]) -> bool:
    """Whether one more slot at ``at`` breaks neither the pause to its neighbours nor any window that holds it."""
    if pace.gap_ms and bisect_left(slots, at + pace.gap_ms) > bisect_right(slots, at - pace.gap_ms):
        return False
    if pace.per_minute is None:
        return True
    return bisect_left(slots, at + WINDOW_MS) - bisect_right(slots, at - WINDOW_MS) < pace.per_minute
