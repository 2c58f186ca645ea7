"""Following a job to its end."""

import io
from collections.abc import Callable, Iterable

import pytest
from rich.console import Console

from libs.cli.failures import Unreachable
from libs.cli.following import Pace, follow, watch
from libs.cli.jobs import JobAnswer


class World:
    """A gateway that answers from a list, and a clock that moves when someone sleeps."""

    def __init__(self, answers: Iterable[JobAnswer | Unreachable]) -> None:
        self._answers = iter(answers)
        self.time = 0.0
        self.pauses: list[float] = []

    def fetch(self) -> JobAnswer:
        answer = next(self._answers)
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def now(self) -> float:
        return self.time

    def watched(
        self,
        on_silence: Callable[[Unreachable], None] = lambda _error: None,
        on_idle: Callable[[JobAnswer], None] = lambda _job: None,
    ) -> list[JobAnswer]:
        return list(
            watch(self.fetch, pace=Pace(), sleep=self.sleep, now=self.now, on_silence=on_silence, on_idle=on_idle)
        )


def job(state: str, *, checked: int = 0, total: int = 100) -> JobAnswer:
    return JobAnswer(job_id="j1", state=state, progress={"checked": checked, "total": total, "available": checked})


AWAY = Unreachable("Nothing answers.")


def test_each_change_is_seen_once_and_the_end_last() -> None:
    answers = [job("waiting"), job("waiting"), job("active", checked=5), job("completed", checked=100)]

    assert World(answers).watched() == [answers[0], answers[2], answers[3]]


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_every_way_to_end_ends_the_watch(state: str) -> None:
    assert [each.state for each in World([job(state)]).watched()] == [state]


def test_a_job_that_does_not_move_is_asked_for_less_often() -> None:
    world = World([*[job("active")] * 20, job("completed")])
    world.watched()

    assert world.pauses[1] < world.pauses[3] < world.pauses[9]
    assert max(world.pauses) == Pace().longest_s


def test_a_gateway_that_restarts_is_waited_for_and_said_once() -> None:
    said: list[Unreachable] = []
    states = [each.state for each in World([job("active"), AWAY, AWAY, job("completed")]).watched(said.append)]

    assert states == ["active", "completed"]
    assert said == [AWAY]


def test_a_job_that_nobody_begins_with_is_said_once() -> None:
    said: list[JobAnswer] = []
    World([*[job("waiting")] * 60, job("active"), *[job("waiting")] * 60, job("completed")]).watched(
        on_idle=said.append
    )

    assert said == [job("waiting")]


def test_a_job_that_takes_long_is_not_called_idle() -> None:
    said: list[JobAnswer] = []
    World([job("waiting"), *[job("active")] * 60, job("completed")]).watched(on_idle=said.append)

    assert said == []


def test_a_gateway_that_stays_away_is_given_up() -> None:
    world = World([job("active"), *[AWAY] * 1000])

    with pytest.raises(Unreachable):
        world.watched()
    assert world.time < Pace().patience_s + 5


def test_a_gateway_that_was_never_there_is_given_up_at_once() -> None:
    world = World([AWAY])

    with pytest.raises(Unreachable):
        world.watched()
    assert world.pauses == []


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_and_in_a_log(terminal: bool) -> None:
    written = io.StringIO()
    world = World([job("active", checked=40), job("completed", checked=100)])
    console = Console(file=written, force_terminal=terminal, width=120)

    ended = follow(world.fetch, console, pace=Pace(first_s=0.001))

    assert ended.succeeded
    assert "100" in written.getvalue()
    assert "available 100" in written.getvalue()
