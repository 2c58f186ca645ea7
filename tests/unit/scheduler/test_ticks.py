"""What becomes of each tick: on time, late, coalesced, skipped."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.jobs.contract import MissedTicks
from libs.common.stores.ticks import TickOutcome
from services.scheduler.ticks import TickDecision, decide_ticks

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GRACE = timedelta(seconds=10)


def decide(
    *due: datetime, now: datetime, enabled: bool = True, missed: MissedTicks = MissedTicks.RUN_ONCE_LATE
) -> list[TickDecision]:
    return decide_ticks(due, now=now, enabled=enabled, missed=missed, late_after=GRACE)


def outcomes(decisions: list[TickDecision]) -> list[str]:
    return [decision.outcome for decision in decisions]


def test_no_tick_no_decision() -> None:
    assert decide(now=NOON) == []


def test_a_tick_in_time_fires() -> None:
    assert decide(NOON, now=NOON + GRACE) == [TickDecision(tick=NOON, outcome=TickOutcome.FIRED)]


def test_a_tick_after_its_grace_runs_late_and_says_by_how_much() -> None:
    (only,) = decide(NOON, now=NOON + 30 * timedelta(seconds=1))
    assert (only.outcome, only.reason) == (TickOutcome.LATE, "30.0 s late")


def test_missed_ticks_are_coalesced_into_one_late_run() -> None:
    due = [NOON + n * MINUTE for n in range(3)]
    found = decide(*due, now=due[-1] + timedelta(seconds=1))
    assert outcomes(found) == ["coalesced", "coalesced", "late"]
    assert found[0].reason == "missed; 2026-01-01 12:02Z stands for it"
    assert found[2].reason == "1.0 s late, also for 2 missed before"


def test_a_schedule_that_skips_missed_ticks_runs_only_what_is_in_time() -> None:
    due = [NOON, NOON + MINUTE]
    skip = MissedTicks.SKIP
    assert outcomes(decide(*due, now=due[-1] + GRACE, missed=skip)) == ["skipped", "fired"]
    assert outcomes(decide(*due, now=due[-1] + 2 * GRACE, missed=skip)) == ["skipped", "skipped"]


def test_a_schedule_that_is_switched_off_skips_everything_with_the_reason() -> None:
    (only,) = decide(NOON, now=NOON, enabled=False)
    assert (only.outcome, only.reason) == (TickOutcome.SKIPPED, "the schedule is switched off")


@given(
    count=st.integers(0, 50),
    late_s=st.integers(0, 100),
    enabled=st.booleans(),
    missed=st.sampled_from(MissedTicks),
)
def test_every_tick_is_decided_once_and_at_most_the_newest_is_emitted(
    count: int, late_s: int, enabled: bool, missed: MissedTicks
) -> None:
    due = [NOON + n * MINUTE for n in range(count)]
    now = (due[-1] if due else NOON) + timedelta(seconds=late_s)
    found = decide(*due, now=now, enabled=enabled, missed=missed)
    assert [decision.tick for decision in found] == due
    assert [decision.tick for decision in found if decision.emits] in ([], due[-1:])
    assert all(decision.reason for decision in found if decision.outcome is not TickOutcome.FIRED)
