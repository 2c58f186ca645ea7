"""A line's openings over the next days: its windows, cut where the workspace's day turns, with each day's limits."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from libs.common.budgets.contract import LineBudget, WorkspaceBudget
from libs.common.budgets.limits import limits_on
from libs.common.budgets.quiet_hours import windows
from libs.common.budgets.slots import Opening
from libs.common.clock import to_ms
from libs.common.local_time import first_instant_of, local_day


def openings_of(line: LineBudget, workspace: WorkspaceBudget, *, now: datetime, days: int) -> list[Opening]:
    """The openings from ``now`` on, in order.

    Args:
        line: the line.
        workspace: whose daily limit holds for all its lines together.
        now: aware.
        days: for how many local days of the line, today included.
    """
    return [
        Opening(
            opens_ms=to_ms(opens),
            closes_ms=to_ms(closes),
            line_day=window.day.isoformat(),
            workspace_day=local_day(opens, workspace.zone).isoformat(),
            per_day=limits.per_day,
            new_per_day=limits.new_conversations_per_day,
            workspace_per_day=workspace.per_day,
        )
        for window in windows(line.quiet, line.zone, start=now, days=days)
        for limits in (limits_on(window.day, line.limits, line.warm_up),)
        for opens, closes in _cut(window.opens, window.closes, workspace)
        if to_ms(opens) < to_ms(closes)
    ]


def horizon_of(line: LineBudget, *, now: datetime, days: int) -> datetime:
    """Where the openings of so many local days end."""
    return first_instant_of(local_day(now, line.zone) + timedelta(days=days), line.zone)


def _cut(opens: datetime, closes: datetime, workspace: WorkspaceBudget) -> Iterator[tuple[datetime, datetime]]:
    while opens < closes:
        turn = first_instant_of(local_day(opens, workspace.zone) + timedelta(days=1), workspace.zone)
        yield opens, min(turn, closes)
        opens = max(turn, opens + timedelta(milliseconds=1)) if turn < closes else closes
