"""Schedules as the dashboard shows them: the next runs, and whether one was missed. The rows are made without I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from libs.common.cron import parse_cron, parse_zone
from libs.common.errors import InvalidInput
from libs.common.stores.schedules import Schedule
from libs.common.stores.ticks import TickRow

PATIENCE: Final = timedelta(seconds=90)
"""How late a tick may be before that is worth a word; schedulers look every few seconds."""

_NEXT_RUNS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A schedule.

    Args:
        name: its identity.
        job_type: what it emits.
        cron: when, as it is written.
        timezone: in which that is read.
        enabled: whether it emits anything.
        last_tick_at: the latest tick that was decided.
        next_runs: its next ticks; empty while it is off.
        overdue: how long ago a tick should have been decided that was not; ``None`` where all were.
        problem: what in it cannot be read.
        ticks: what became of the last ticks, newest first.
    """

    name: str
    job_type: str
    cron: str
    timezone: str
    enabled: bool
    last_tick_at: datetime | None = None
    next_runs: Sequence[datetime] = ()
    overdue: timedelta | None = None
    problem: str = ""
    ticks: Sequence[TickRow] = ()


def is_of(schedule: Schedule, workspace: str) -> bool:
    """Whether a schedule emits jobs of this workspace only."""
    return schedule.data.get("workspaceId") == workspace


def schedule_row(schedule: Schedule, *, now: datetime, ticks: Sequence[TickRow] = ()) -> ScheduleRow:
    """A schedule as it stands now."""
    next_runs: list[datetime] = []
    overdue, problem = None, ""
    try:
        cron, zone = parse_cron(schedule.cron), parse_zone(schedule.timezone)
        if schedule.enabled:
            tick = now
            for _ in range(_NEXT_RUNS):
                tick = cron.next_after(tick, zone)
                next_runs.append(tick)
            if schedule.last_tick_at is not None:
                due = cron.next_after(schedule.last_tick_at, zone)
                overdue = now - due if now - due > PATIENCE else None
    except InvalidInput as error:
        problem = str(error)
    return ScheduleRow(
        name=schedule.name,
        job_type=schedule.job_type,
        cron=schedule.cron,
        timezone=schedule.timezone,
        enabled=schedule.enabled,
        last_tick_at=schedule.last_tick_at,
        next_runs=tuple(next_runs),
        overdue=overdue,
        problem=problem,
        ticks=tuple(ticks),
    )
