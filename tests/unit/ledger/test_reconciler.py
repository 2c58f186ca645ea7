"""What one run of the reconciler does, on stores in memory."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from libs.common.broker.model import JobOptions, NewJob
from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.model import NewEntry
from libs.common.ledger.reconciler import Reconciler, Report
from tests.unit.ledger.fakes import NOW, FakeClock, FakeEpoch, MemoryLedger, MemoryQueue

AFTER = timedelta(seconds=10)
INTEGRATION = {"integrationId": "65f0c0ffee0000000000abcd", "workspaceId": "w1", "mode": "full"}


@dataclass
class World:
    """A reconciler and everything it looks at."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    sync: MemoryQueue = field(default_factory=lambda: MemoryQueue("integration-sync"))
    bulk: MemoryQueue = field(default_factory=lambda: MemoryQueue("bulk-availability"))
    epoch: FakeEpoch = field(default_factory=FakeEpoch)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.reconciler = self.another()

    def another(self) -> Reconciler:
        return Reconciler(
            self.ledger,
            {"integration-sync": self.sync, "bulk-availability": self.bulk},
            self.epoch,
            clock=self.clock,
            after=AFTER,
            page=2,
        )

    def accept(self, job_id: str, **fields: Any) -> None:
        entry = NewEntry(
            **{
                "job_id": job_id,
                "job_type": "integration-sync",
                "queue": "integration-sync",
                "data": INTEGRATION,
                "workspace_id": "w1",
                "created_at": self.clock.now(),
                **fields,
            }
        )
        self.ledger.accept(entry)

    def settled(self) -> "World":
        """This world after a first run, which is always a complete one."""
        self.reconciler.run_once()
        return self


def test_the_first_run_enqueues_all_that_redis_does_not_know_whatever_its_age() -> None:
    world = World()
    for n in range(5):
        world.accept(f"j{n}")

    report = world.reconciler.run_once()

    assert report == Report(complete=True, looked_at=5, enqueued=5)
    assert set(world.sync.jobs) == {f"j{n}" for n in range(5)}


def test_a_young_job_is_left_to_who_accepted_it() -> None:
    world = World().settled()
    world.accept("j1")
    world.clock.pass_by(AFTER - timedelta(seconds=1))

    assert world.reconciler.run_once() == Report(complete=False)

    world.clock.pass_by(timedelta(seconds=2))
    assert world.reconciler.run_once().enqueued == 1


def test_a_job_that_redis_knows_is_left_alone() -> None:
    world = World()
    world.accept("j1")
    world.reconciler.run_once()
    world.sync.show("j1", JobState.ACTIVE)
    world.clock.pass_by(timedelta(hours=1))

    world.ledger.entries_read.clear()
    assert world.reconciler.run_once() == Report(complete=False, looked_at=1)
    assert world.ledger.entries["j1"].is_open
    assert world.ledger.entries_read == []


def test_everything_comes_back_at_once_when_redis_lost_its_data() -> None:
    world = World().settled()
    world.accept("j1")
    world.reconciler.run_once()
    world.epoch.life += 1
    world.sync.lose_everything()

    assert world.reconciler.redis_may_have_lost_data()
    assert world.reconciler.run_once() == Report(complete=True, looked_at=1, enqueued=1)
    assert not world.reconciler.redis_may_have_lost_data()


def test_a_job_that_ended_in_redis_is_ended_in_the_ledger() -> None:
    world = World()
    for job_id in ("good", "bad"):
        world.accept(job_id)
    world.reconciler.run_once()
    world.sync.show("good", JobState.COMPLETED, result={"created": 3})
    world.sync.show("bad", JobState.FAILED, error="401 from the CRM")
    world.clock.pass_by(timedelta(minutes=1))

    assert world.reconciler.run_once().finished == 2

    good, bad = world.ledger.entries["good"], world.ledger.entries["bad"]
    assert (good.status, good.result, good.finished_at) == (LedgerStatus.COMPLETED, {"created": 3}, NOW)
    assert (bad.status, bad.error) == (LedgerStatus.FAILED, "401 from the CRM")


def test_a_job_that_ended_between_the_page_and_the_question_is_not_enqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.accept("j1")
    known = world.sync.known

    def known_then_ended(job_ids: Any) -> set[str]:
        answer = known(job_ids)
        view = world.sync.view("j1", JobState.COMPLETED)
        world.ledger.entries["j1"] = _ended(world.ledger.entries["j1"], view.finished_at)
        return answer

    monkeypatch.setattr(world.sync, "known", known_then_ended)

    assert world.reconciler.run_once().enqueued == 0
    assert not world.sync.jobs


def test_large_payloads_are_not_read() -> None:
    world = World()
    world.accept("big", job_type="bulk-availability-check", queue="bulk-availability", data={"leadIds": ["x"]})
    world.accept("small")

    world.reconciler.run_once()

    assert world.ledger.data_read == ["small"]
    assert world.bulk.jobs["big"].data_in_ledger
    assert world.sync.jobs["small"].data == INTEGRATION


def test_a_job_keeps_what_is_left_of_its_delay() -> None:
    world = World()
    world.accept("j1", options=JobOptions(delay_ms=60_000))
    world.clock.pass_by(timedelta(seconds=50))

    world.reconciler.run_once()

    assert world.sync.jobs["j1"].options.delay_ms == 10_000


def test_a_job_whose_key_another_holds_in_redis_is_held_back_and_follows() -> None:
    world = World()
    world.sync.add([_job_with_key("derived", "k")])
    world.accept("j1", unique_key="k")

    assert world.reconciler.run_once() == Report(complete=True, looked_at=1, held_back=1)

    world.sync.lose_everything()
    world.clock.pass_by(timedelta(minutes=1))
    assert world.reconciler.run_once().enqueued == 1


def test_entries_that_this_version_cannot_read_do_not_stop_the_others() -> None:
    world = World()
    world.accept("a", job_type="from-the-future")
    world.accept("b", queue="no-such-queue")
    world.accept("c", data={"integrationId": "x" * 70_000})
    world.accept("d", workspace_id="tab\tinside")
    world.accept("e")

    assert world.reconciler.run_once() == Report(complete=True, looked_at=5, enqueued=1, skipped=4)


@pytest.mark.parametrize("error", [StoreUnavailable("redis", "away"), QueueFull("redis", "full")])
def test_after_a_run_that_failed_the_next_one_is_complete(error: StoreUnavailable) -> None:
    world = World().settled()
    world.accept("j1")
    world.clock.pass_by(timedelta(minutes=1))
    world.sync.error = error
    with pytest.raises(StoreUnavailable):
        world.reconciler.run_once()
    world.sync.error = None
    world.accept("young")

    assert world.reconciler.run_once() == Report(complete=True, looked_at=2, enqueued=2)


def test_a_redis_that_was_away_counts_as_another_one() -> None:
    world = World().settled()
    world.epoch.error = StoreUnavailable("redis", "away")
    with pytest.raises(StoreUnavailable):
        world.reconciler.redis_may_have_lost_data()
    world.epoch.error = None

    assert world.reconciler.redis_may_have_lost_data()


def test_mongodb_away_is_an_error_and_nothing_is_forgotten() -> None:
    world = World().settled()
    world.accept("j1")
    world.ledger.away = True
    with pytest.raises(StoreUnavailable):
        world.reconciler.run_once()
    world.ledger.away = False

    assert world.reconciler.run_once().enqueued == 1


def test_two_processes_at_once_enqueue_a_job_once() -> None:
    world = World()
    world.accept("j1")
    other = world.another()

    assert [world.reconciler.run_once().enqueued, other.run_once().enqueued] == [1, 0]


def test_a_run_that_is_stopped_does_not_count_as_one() -> None:
    world = World()
    for n in range(5):
        world.accept(f"j{n}")
    pages = iter([False, True])

    report = world.reconciler.run_once(stopping=lambda: next(pages))

    assert report.enqueued == 2
    assert world.reconciler.redis_may_have_lost_data()


def _ended(entry: Any, finished_at: Any) -> Any:
    return type(entry)(
        job_id=entry.job_id,
        job_type=entry.job_type,
        queue=entry.queue,
        status=LedgerStatus.COMPLETED,
        created_at=entry.created_at,
        finished_at=finished_at,
    )


def _job_with_key(job_id: str, unique_key: str) -> Any:
    return NewJob(job_id=job_id, job_type="integration-sync", data={}, unique_key=unique_key)
