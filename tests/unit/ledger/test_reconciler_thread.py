"""When the reconciler runs, on stores in memory and real time."""

import queue
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.ledger.reconciler import Reconciler, Report
from libs.common.ledger.reconciler_thread import ReconcilerThread
from tests.unit.ledger.test_reconciler import World
from tests.waiting import wait_until

SOON = timedelta(milliseconds=10)
NEVER = timedelta(hours=1)


class Watched:
    """A world with a running thread; its reports arrive in a queue."""

    def __init__(self, *, interval: timedelta) -> None:
        self.world = World()
        self.reports: queue.Queue[Report] = queue.Queue()
        self.thread = ReconcilerThread(self.world.reconciler, interval=interval, watch=SOON, on_run=self.reports.put)

    def next_report(self) -> Report:
        return self.reports.get(timeout=5)

    def no_report_for(self, seconds: float) -> bool:
        try:
            self.reports.get(timeout=seconds)
        except queue.Empty:
            return True
        return False


@pytest.fixture
def rarely() -> Iterator[Watched]:
    """A thread whose interval never comes, so that it runs only for a reason."""
    watched = Watched(interval=NEVER)
    yield watched
    watched.thread.stop()


def test_the_first_run_begins_at_once(rarely: Watched) -> None:
    rarely.world.accept("j1")
    rarely.thread.start()

    assert rarely.next_report().enqueued == 1


def test_it_runs_again_at_its_interval() -> None:
    watched = Watched(interval=SOON)
    watched.thread.start()

    assert [watched.next_report().complete for _ in range(3)] == [True, False, False]
    watched.thread.stop()


def test_it_does_not_run_without_a_reason(rarely: Watched) -> None:
    rarely.thread.start()
    rarely.next_report()

    assert rarely.no_report_for(0.2)


def test_it_rests_longer_than_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(interval=SOON)
    run_once = Reconciler.run_once

    def slowly(self: Reconciler, **how: object) -> Report:
        time.sleep(0.1)
        return run_once(self)

    monkeypatch.setattr(Reconciler, "run_once", slowly)
    watched.thread.start()
    watched.next_report()

    assert watched.no_report_for(0.35)
    assert not watched.next_report().complete
    watched.thread.stop()


def test_it_runs_at_once_when_redis_lost_its_data(rarely: Watched) -> None:
    rarely.world.accept("j1")
    rarely.thread.start()
    rarely.next_report()

    rarely.world.sync.lose_everything()
    rarely.world.epoch.life += 1

    assert rarely.next_report() == Report(complete=True, looked_at=1, enqueued=1)


def test_it_runs_at_once_when_redis_is_back(rarely: Watched) -> None:
    rarely.thread.start()
    rarely.next_report()
    rarely.world.epoch.error = StoreUnavailable("redis", "away")
    wait_until(lambda: not rarely.thread._reachable, message="the loss is noticed")
    rarely.world.accept("accepted-meanwhile")

    rarely.world.epoch.error = None

    assert rarely.next_report().enqueued == 1


def test_it_runs_at_once_when_mongodb_is_back(rarely: Watched) -> None:
    rarely.world.accept("j1")
    rarely.world.ledger.away = True
    rarely.thread.start()
    wait_until(lambda: not rarely.thread._reachable, message="the loss is noticed")

    rarely.world.ledger.away = False

    assert rarely.next_report().enqueued == 1


def test_a_full_redis_is_not_asked_all_the_time(rarely: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    rarely.world.accept("j1")
    rarely.world.sync.error = QueueFull("redis", "full")
    runs = _count_runs(monkeypatch)
    rarely.thread.start()
    wait_until(lambda: runs, message="the first run")

    assert rarely.no_report_for(0.2)
    assert len(runs) == 1


def test_an_error_that_nobody_foresaw_does_not_end_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(interval=SOON)
    failures = iter([ValueError("a bug"), ZeroDivisionError()])
    run_once = Reconciler.run_once

    def fail_twice(self: Reconciler, **how: object) -> Report:
        for failure in failures:
            raise failure
        return run_once(self)

    monkeypatch.setattr(Reconciler, "run_once", fail_twice)
    watched.thread.start()

    assert watched.next_report().complete
    watched.thread.stop()


def test_stopping_ends_the_thread(rarely: Watched) -> None:
    rarely.thread.start()
    rarely.next_report()

    rarely.thread.stop()

    assert not rarely.thread._thread.is_alive()


def _count_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    runs: list[int] = []
    run_once = Reconciler.run_once

    def counted(self: Reconciler, **how: object) -> Report:
        runs.append(1)
        return run_once(self)

    monkeypatch.setattr(Reconciler, "run_once", counted)
    return runs
