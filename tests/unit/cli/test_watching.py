"""Showing something again and again."""

import io
import json
from collections.abc import Iterable

import pytest
from rich.console import Console

from libs.cli.failures import Unreachable
from libs.cli.output import Output
from libs.cli.watching import watch

AWAY = Unreachable("Nothing answers.")


def watched(answers: Iterable[int | BaseException], *, times: int | None = None) -> tuple[str, list[float]]:
    """What a pipe gets, and the pauses."""
    output, pauses, script = Output(), list[float](), iter(answers)
    output.out = Console(file=io.StringIO(), width=200)

    def fetch() -> int:
        answer = next(script)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    watch(fetch, lambda answer: f"seen {answer}", output, every_s=2, times=times, sleep=pauses.append)
    file = output.out.file
    assert isinstance(file, io.StringIO)
    return file.getvalue(), pauses


def test_it_shows_asks_again_and_waits_in_between() -> None:
    shown, pauses = watched([1, 2, 3], times=3)

    assert shown.split() == ["seen", "1", "seen", "2", "seen", "3"]
    assert pauses == [2, 2]


def test_a_gateway_that_goes_away_leaves_what_was_last_known_and_says_so() -> None:
    shown, _ = watched([1, AWAY, 2], times=3)

    assert [line for line in shown.splitlines() if line] == [
        "seen 1",
        "Nothing answers. Below is what was last known.",
        "seen 1",
        "seen 2",
    ]


def test_a_gateway_that_was_never_there_is_not_waited_for() -> None:
    with pytest.raises(Unreachable):
        watched([AWAY], times=3)


def test_ctrl_c_is_how_one_leaves() -> None:
    shown, _ = watched([1, KeyboardInterrupt()])

    assert shown.split() == ["seen", "1"]


def test_programs_get_a_line_for_each_look_and_none_for_an_outage(capsys: pytest.CaptureFixture[str]) -> None:
    script: Iterable[object] = iter([{"n": 1}, AWAY, {"n": 2}])

    def fetch() -> object:
        answer = next(iter(script))
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    watch(fetch, str, Output(as_json=True), every_s=1, times=3, sleep=lambda _: None)

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [{"n": 1}, {"n": 2}]
