"""What becomes of each tick of a schedule: a decision for every one, also for those that nobody was there for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.jobs.contract import MissedTicks
from libs.common.stores.ticks import TickOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class TickDecision:
    """What becomes of one tick.

    Args:
        tick: the moment it stands for, in UTC.
        outcome: what becomes of it.
        reason: why, for a person; empty where it fired in time.
    """

    tick: datetime
    outcome: TickOutcome
    reason: str = ""

    @property
    def emits(self) -> bool:
        """Whether a job is emitted for it."""
        return self.outcome in (TickOutcome.FIRED, TickOutcome.LATE)


def decide_ticks(
    due: Sequence[datetime], *, now: datetime, enabled: bool, missed: MissedTicks, late_after: timedelta
) -> list[TickDecision]:
    """One decision for each tick that has come.

    However many ticks were missed, at most one job is emitted: the newest tick stands for all of them.

    Args:
        due: the ticks since the last decided one, in order, none later than ``now``.
        now: the current moment.
        enabled: whether the schedule is switched on.
        missed: what the schedule wants done about missed ticks.
        late_after: from when on a tick counts as missed.
    """
    if not due:
        return []
    if not enabled:
        return [_skipped(tick, "the schedule is switched off") for tick in due]
    *older, newest = due
    lateness = now - newest
    if missed is MissedTicks.SKIP:
        earlier = [_skipped(tick, "missed, and the schedule skips missed ticks") for tick in older]
        if lateness > late_after:
            return [*earlier, _skipped(newest, f"missed by {_in_words(lateness)}; the schedule skips missed ticks")]
        return [*earlier, TickDecision(tick=newest, outcome=TickOutcome.FIRED)]
    coalesced = [
        TickDecision(tick=tick, outcome=TickOutcome.COALESCED, reason=f"missed; {newest:%Y-%m-%d %H:%M}Z stands for it")
        for tick in older
    ]
    if lateness <= late_after and not older:
        return [TickDecision(tick=newest, outcome=TickOutcome.FIRED)]
    reason = f"{_in_words(lateness)} late"
    if older:
        reason += f", also for {len(older)} missed before"
    return [*coalesced, TickDecision(tick=newest, outcome=TickOutcome.LATE, reason=reason)]


def _skipped(tick: datetime, reason: str) -> TickDecision:
    return TickDecision(tick=tick, outcome=TickOutcome.SKIPPED, reason=reason)


def _in_words(span: timedelta) -> str:
    return f"{span.total_seconds():.1f} s"
