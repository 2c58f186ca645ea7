"""Limits per key: how often, how many at once, and until when not at all."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.broker.model import Limit
from tests.integration.broker.conftest import Bench
from tests.waiting import wait_until


def slots(bench: Bench, ids: list[str]) -> list[float]:
    """When each job may start, in milliseconds after the first."""
    views = [bench.queue.get(job_id) for job_id in ids]
    moments = [view.not_before.timestamp() * 1000 for view in views if view and view.not_before]
    return [moment - min(moments) for moment in moments]


def test_jobs_over_the_rate_are_moved_to_slots_of_their_own_and_hold_no_worker(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(rate=10, per=timedelta(seconds=1)))
    ids = [bench.add(limit_keys=("line:1",)) for _ in range(5)]
    assert [job.job_id for job in bench.fetch(5)] == ids[:1]
    assert slots(bench, ids[1:]) == pytest.approx([0, 100, 200, 300], abs=2)
    view = bench.queue.get(ids[1])
    assert view is not None
    assert view.reason == "rate: line:1"
    assert bench.queue.stats().totals["limited"] == 4


@pytest.mark.alone
def test_a_job_runs_in_the_slot_that_was_reserved_for_it_and_is_not_moved_again(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(rate=20, per=timedelta(seconds=1)))
    ids = [bench.add(limit_keys=("line:1",)) for _ in range(3)]
    assert bench.take(ids[0])
    wait_until(lambda: bench.fetch(1) != [], deadline_s=1, message="the second job did not get its slot")
    wait_until(lambda: bench.fetch(1) != [], deadline_s=1, message="the third job did not get its slot")


def test_a_burst_may_start_at_once_after_a_quiet_time(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(rate=1, per=timedelta(hours=1), burst=3))
    ids = [bench.add(limit_keys=("line:1",)) for _ in range(5)]
    assert [job.job_id for job in bench.fetch(5)] == ids[:3]


def test_slots_under_several_keys_are_reserved_together(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(rate=10))
    bench.queue.set_limit("workspace:1", Limit(rate=2))
    ids = [bench.add(limit_keys=("line:1", "workspace:1")) for _ in range(3)]
    assert len(bench.fetch(3)) == 1
    assert slots(bench, ids[1:]) == pytest.approx([0, 500], abs=2)
    view = bench.queue.get(ids[2])
    assert view is not None
    assert view.reason == "rate: workspace:1"


def test_jobs_of_other_keys_are_not_held_up(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(rate=1, per=timedelta(hours=1)))
    for _ in range(50):
        bench.add(limit_keys=("line:1",))
    free = bench.add(limit_keys=("line:2",))
    taken = [job.job_id for _ in range(20) for job in bench.fetch(4)]
    assert free in taken


def test_no_more_than_the_number_at_once_run_and_the_next_follows_an_end(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(at_once=2))
    ids = [bench.add(limit_keys=("line:1",)) for _ in range(4)]
    running = bench.fetch(4)
    assert [job.job_id for job in running] == ids[:2]
    assert bench.queue.stats().counts["waiting"] == 2
    bench.run("complete_ruled", running[0].job_id, running[0].fence, b'{"l":"line:1"}')
    assert [job.job_id for job in bench.fetch(4)] == ids[2:3]


def test_the_place_of_a_worker_that_fell_silent_is_free_again(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(at_once=1))
    ids = [bench.add(limit_keys=("line:1",)) for _ in range(2)]
    (job,) = bench.fetch(2)
    bench.fall_silent(job)
    assert len(bench.fetch(2)) == 1
    assert {bench.state(job_id) for job_id in ids} == {"active", "waiting"}


def test_cancelling_the_job_that_was_let_go_lets_the_next_parked_one_go(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(at_once=1))
    ids = [bench.add(limit_keys=("line:1",)) for _ in range(3)]
    (job,) = bench.fetch(3)
    bench.run("complete_ruled", job.job_id, job.fence, b'{"l":"line:1"}')
    bench.queue.cancel(ids[1])
    assert bench.take(ids[2])


def test_a_limit_can_be_raised_at_once_and_for_a_time(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(at_once=1))
    for _ in range(5):
        bench.add(limit_keys=("line:1",))
    assert len(bench.fetch(5)) == 1
    bench.queue.set_limit("line:1", Limit(at_once=3), override_for=timedelta(hours=1))
    assert len(bench.fetch(5)) == 2


def test_an_override_ends_by_itself(bench: Bench) -> None:
    bench.queue.set_limit("line:1", Limit(rate=1, per=timedelta(hours=1)))
    bench.queue.set_limit("line:1", Limit(), override_for=timedelta(milliseconds=50))
    bench.add(limit_keys=("line:1",))
    assert bench.take()

    def limited() -> bool:
        bench.add(limit_keys=("line:1",))
        return bench.fetch(1) == []

    wait_until(limited, deadline_s=2, message="the override did not end")


def test_a_paused_key_lets_nothing_start_until_the_moment(bench: Bench) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    bench.queue.pause_key("line:1", until)
    held, free = bench.add(limit_keys=("line:1",)), bench.add()
    assert [job.job_id for job in bench.fetch(2)] == [free]
    view = bench.queue.get(held)
    assert view is not None
    assert view.reason == "paused: line:1"
    assert view.not_before is not None
    assert abs(view.not_before - until) < timedelta(milliseconds=2)
    bench.queue.pause_key("line:1", None)
    bench.queue.promote(held)
    assert bench.take(held)
