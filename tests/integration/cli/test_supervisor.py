"""Processes under the supervisor: started, watched, restarted, stopped, and never left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from libs.cli.supervisor import (
    Ended,
    Event,
    ProcessNotStartedError,
    ProcessSpec,
    RestartPause,
    Started,
    Supervisor,
    ending_in_words,
)
from tests.waiting import wait_until

FOREVER = "import time; print('ready', flush=True); time.sleep(600)"
ON_SIGTERM = "import signal, sys, time; signal.signal(signal.SIGTERM, {}); print('ready', flush=True); time.sleep(600)"
STUBBORN = ON_SIGTERM.format("signal.SIG_IGN")
ORDERLY = ON_SIGTERM.format("lambda *_: (time.sleep({seconds}), sys.exit(7))")


class Watch:
    """What a supervisor told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.events: list[Event] = []

    def on_line(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def ended(self) -> list[Ended]:
        return [event for event in self.events if isinstance(event, Ended)]


def python(name: str, code: str, *, grace_s: float = 5) -> ProcessSpec:
    return ProcessSpec(name=name, command=[sys.executable, "-c", code], grace=timedelta(seconds=grace_s))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie is no longer running, whoever should have waited for it.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text() if sys.platform == "linux" else True


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def supervisor(watch: Watch) -> Iterator[Supervisor]:
    pause = RestartPause(first_s=0.05, longest_s=0.4)
    with Supervisor(on_line=watch.on_line, on_event=watch.events.append, pause=pause) as running:
        yield running


def test_a_process_runs_and_what_it_prints_is_passed_on(supervisor: Supervisor, watch: Watch) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    process = supervisor.start(python("p", code), restart=False)

    assert process.wait(timeout_s=10)
    assert sorted(watch.lines) == [("p", "err"), ("p", "out")]
    assert process.status == 0
    assert not process.running


def test_a_process_gets_its_environment_and_no_other(supervisor: Supervisor, watch: Watch) -> None:
    spec = ProcessSpec(
        name="p",
        command=[sys.executable, "-c", "import os; print(os.environ.get('COLOUR'), os.environ.get('HOME'))"],
        environ={"COLOUR": "green"},
    )
    assert supervisor.start(spec, restart=False).wait(timeout_s=10)
    assert watch.lines == [("p", "green None")]


def test_a_killed_process_is_started_again(supervisor: Supervisor, watch: Watch) -> None:
    process = supervisor.start(python("p", FOREVER))
    wait_until(lambda: ("p", "ready") in watch.lines)
    first = process.pid

    process.kill()

    assert process.wait_restarted(timeout_s=10)
    assert process.pid not in {first, None}
    assert watch.ended()[0].status == -signal.SIGKILL
    assert not watch.ended()[0].asked


def test_a_process_that_keeps_dying_is_started_less_and_less_often(supervisor: Supervisor, watch: Watch) -> None:
    supervisor.start(python("p", "raise SystemExit(3)"))
    wait_until(lambda: len(watch.ended()) >= 5)

    assert [event.restart_in_s for event in watch.ended()[:5]] == [0.05, 0.1, 0.2, 0.4, 0.4]
    assert {event.status for event in watch.ended()[:5]} == {3}


def test_a_process_that_need_not_be_restarted_is_not(supervisor: Supervisor, watch: Watch) -> None:
    process = supervisor.start(python("p", FOREVER), restart=False)
    process.kill()

    assert process.wait(timeout_s=10)
    assert watch.ended() == [Ended("p", -signal.SIGKILL, asked=False, restart_in_s=None)]


def test_a_stopped_process_ends_in_order_and_is_not_restarted(supervisor: Supervisor, watch: Watch) -> None:
    process = supervisor.start(python("p", ORDERLY.format(seconds=0)))
    wait_until(lambda: ("p", "ready") in watch.lines)

    process.stop()
    process.stop()

    assert watch.ended() == [Ended("p", 7, asked=True, restart_in_s=None)]
    assert process.restarts == 0


def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(supervisor: Supervisor, watch: Watch) -> None:
    process = supervisor.start(python("p", STUBBORN, grace_s=0.2))
    wait_until(lambda: ("p", "ready") in watch.lines)

    process.stop()

    assert watch.ended()[0].status == -signal.SIGKILL


def test_a_frozen_process_can_be_stopped(supervisor: Supervisor, watch: Watch) -> None:
    process = supervisor.start(python("p", FOREVER))
    wait_until(lambda: ("p", "ready") in watch.lines)
    process.pause()

    process.stop()

    assert watch.ended()[0].asked


def test_a_process_can_be_stopped_while_it_waits_for_its_restart(watch: Watch) -> None:
    with Supervisor(on_event=watch.events.append, pause=RestartPause(first_s=600, longest_s=600)) as supervisor:
        process = supervisor.start(python("p", "raise SystemExit(1)"))
        wait_until(watch.ended)

    assert not process.running
    assert [type(event) for event in watch.events] == [Started, Ended]


def test_stopping_stops_all_side_by_side(watch: Watch) -> None:
    code = ORDERLY.format(seconds=0.5)
    with Supervisor(on_line=watch.on_line) as supervisor:
        pids = [supervisor.start(python(f"p{number}", code)).pid for number in range(3)]
        wait_until(lambda: len(watch.lines) == 3)

    assert not any(is_alive(pid) for pid in pids if pid)


def test_a_program_that_is_not_there_is_said(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessNotStartedError, match="p could not be started"):
        supervisor.start(ProcessSpec(name="p", command=["/nonexistent/program"]))


def test_what_a_process_said_last_is_remembered(supervisor: Supervisor) -> None:
    process = supervisor.start(python("p", "for n in range(100): print(n)"), restart=False)

    assert process.wait(timeout_s=10)
    assert process.last_lines[-1] == "99"
    assert len(process.last_lines) < 100


def test_nothing_is_left_running_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = f"import os, time, pathlib; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(600)"
    code = f"""
import sys, time
from libs.cli.supervisor import ProcessSpec, Supervisor
Supervisor().start(ProcessSpec(name="p", command=[sys.executable, "-c", {child!r}]))
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        pid = int(wait_until(lambda: pid_file.exists() and pid_file.read_text(), message="the child runs"))
        assert is_alive(pid)
        parent.kill()

    wait_until(lambda: not is_alive(pid), message="the child has ended with its parent's parent")


@pytest.mark.parametrize(
    ("status", "words"), [(0, "with status 0"), (3, "with status 3"), (-9, "by SIGKILL"), (None, "in an unknown way")]
)
def test_an_ending_is_said_in_words(status: int | None, words: str) -> None:
    assert ending_in_words(status) == words
