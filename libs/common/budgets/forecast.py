"""When the last of many waiting messages will have gone, if nothing changes: by what the days ahead can still take."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from libs.common.budgets.contract import WorkspaceBudget
from libs.common.budgets.openings import openings_of
from libs.common.budgets.records import Records
from libs.common.budgets.slots import WINDOW_MS, Opening
from libs.common.clock import from_ms, to_ms

_HORIZONS: Final = (2, 31, 365)
"""For how many days the forecast looks ahead, one after the other until that is enough."""

_RESOLUTION: Final = timedelta(seconds=1)
_MANY: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When many messages will have gone.

    Args:
        last_at: when the last one goes; ``None`` where the limits do not let all of them go within a year.
        unplaced: how many do not.
    """

    last_at: datetime | None
    unplaced: int = 0


@dataclass(frozen=True, slots=True)
class _LineOpening:
    line_id: str
    per_minute: int | None
    opening: Opening


def forecast(
    workspace: WorkspaceBudget, usable: Sequence[str], records: Records, *, messages: int, now: datetime
) -> Forecast:
    """When the last of ``messages`` will have gone, each taken as a new conversation.

    Lines send side by side, each as fast as its pace and its days allow. Recipients' gaps, and what else arrives
    meanwhile, are left out.

    Args:
        workspace: the workspace's limits.
        usable: the ids of the lines that will send them.
        records: what was sent and promised already.
        messages: how many wait without a moment of their own.
        now: the current moment.
    """
    if messages <= 0:
        return Forecast(last_at=now)
    placed = 0
    for days in _HORIZONS:
        openings = [
            _LineOpening(line.line_id, line.limits.per_minute, opening)
            for line in workspace.lines
            if line.line_id in usable
            for opening in openings_of(line, workspace, now=now, days=days)
        ]
        end = max((one.opening.closes_ms for one in openings), default=0)
        placed = _gone_by(end, openings, records)
        if placed >= messages:
            return Forecast(last_at=from_ms(_first_moment(messages, openings, records, to_ms(now), end)))
    return Forecast(last_at=None, unplaced=messages - placed)


def _first_moment(messages: int, openings: Sequence[_LineOpening], records: Records, low: int, high: int) -> int:
    """The first moment by which so many have gone, to the second."""
    step = _RESOLUTION // timedelta(milliseconds=1)
    while high - low > step:
        middle = (low + high) // 2
        if _gone_by(middle, openings, records) >= messages:
            high = middle
        else:
            low = middle
    return high


def _gone_by(moment_ms: int, openings: Sequence[_LineOpening], records: Records) -> int:
    on_line: Counter[tuple[str, str]] = Counter()
    in_workspace: Counter[str] = Counter()
    caps: dict[str, int] = {}
    for one in openings:
        opening, place = one.opening, (one.line_id, one.opening.line_day)
        if opening.opens_ms > moment_ms:
            continue
        left = _left(opening, place, records) - on_line[place]
        gone = max(0, min(left, _paced(one, moment_ms)))
        on_line[place] += gone
        in_workspace[opening.workspace_day] += gone
        if opening.workspace_per_day is not None:
            used = records.workspace_days[opening.workspace_day]
            caps[opening.workspace_day] = max(0, opening.workspace_per_day - used)
    return sum(min(count, caps.get(day, _MANY)) for day, count in in_workspace.items())


def _left(opening: Opening, place: tuple[str, str], records: Records) -> int:
    """What the line's day can still take."""
    messages = _MANY if opening.per_day is None else opening.per_day - records.line_days[place]
    started = len(records.conversations[place]) if place in records.conversations else 0
    conversations = _MANY if opening.new_per_day is None else opening.new_per_day - started
    return min(messages, conversations)


def _paced(one: _LineOpening, moment_ms: int) -> int:
    """How many the line's pace lets go in an opening up to a moment."""
    if one.per_minute is None:
        return _MANY
    span_ms = min(moment_ms, one.opening.closes_ms - 1) - one.opening.opens_ms
    return (span_ms // WINDOW_MS) * one.per_minute + min(
        one.per_minute, (span_ms % WINDOW_MS) * one.per_minute // WINDOW_MS + 1
    )
