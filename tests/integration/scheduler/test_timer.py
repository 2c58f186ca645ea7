"""The timer: it looks at every schedule at its start, follows changes, and outlives stores that are away."""

from collections.abc import Iterator

import pytest

from libs.common.errors import StoreUnavailable
from libs.common.stores.schedules import Schedule
from services.scheduler.timer import Timer
from tests.waiting import wait_until


class Stage:
    def __init__(self) -> None:
        self.schedules: list[Schedule] = []
        self.ran: list[str] = []
        self.away = False
        self.timer = Timer(self.read, self.run, lambda: None, follow_s=0.05)

    def read(self) -> list[Schedule]:
        if self.away:
            raise StoreUnavailable("mongodb", "gone")
        return self.schedules

    def run(self, name: str) -> None:
        self.ran.append(name)
        if name == "bad":
            raise StoreUnavailable("mongodb", "gone")


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    stage.timer.start()
    yield stage
    stage.timer.stop()


def schedule(name: str, cron: str = "0 0 1 1 *") -> Schedule:
    return Schedule(name=name, job_type="health-check", cron=cron)


def next_run(stage: Stage, name: str) -> object:
    job = stage.timer._scheduler.get_job(name)
    return job and job.next_run_time


def test_every_schedule_is_looked_at_when_it_is_first_seen(stage: Stage) -> None:
    stage.schedules = [schedule("one"), schedule("two")]
    wait_until(lambda: sorted(stage.ran) == ["one", "two"])


def test_changes_are_followed(stage: Stage) -> None:
    stage.schedules = [schedule("one")]
    yearly = wait_until(lambda: next_run(stage, "one"))
    stage.schedules = [schedule("one", "0 0 2 1 *")]
    wait_until(lambda: next_run(stage, "one") != yearly)
    stage.schedules = []
    wait_until(lambda: next_run(stage, "one") is None)


def test_a_schedule_that_cannot_be_read_ends_until_it_can(stage: Stage) -> None:
    stage.schedules = [schedule("one")]
    wait_until(lambda: next_run(stage, "one"))
    stage.schedules = [schedule("one", "nonsense")]
    wait_until(lambda: next_run(stage, "one") is None)
    stage.schedules = [schedule("one")]
    wait_until(lambda: next_run(stage, "one"))


def test_a_store_that_is_away_is_outlived(stage: Stage) -> None:
    stage.schedules = [schedule("bad")]
    wait_until(lambda: stage.ran == ["bad"])
    stage.away = True
    stage.schedules = [schedule("bad"), schedule("new")]
    stage.away = False
    wait_until(lambda: "new" in stage.ran)
    assert stage.timer.alive
