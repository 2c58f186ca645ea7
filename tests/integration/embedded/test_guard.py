"""The guard: a process that it runs ends when the parent does, however that ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from libs.embedded import guard
from tests.integration.embedded.processes import children_of, is_running, next_line, python
from tests.waiting import wait_until

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
DEAF_SLEEPER = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
ORDERLY_SLEEPER = f"import os, signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(5)); {SLEEPER}"

PARENT = f"""
import os, subprocess, sys, time
guard = subprocess.Popen(
    [sys.executable, {guard.__file__!r}, "--parent", str(os.getpid()), *sys.argv[2:]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stdout, text=True,
)
print(guard.stdout.readline().split()[1], flush=True)
if sys.argv[1] == "forks" and os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(600)
"""


def _sleeper(script: str = SLEEPER) -> list[str]:
    return ["--", sys.executable, "-c", script]


@contextmanager
def _guarded(*arguments: str, keep: Sequence[int] = ()) -> Iterator["subprocess.Popen[str]"]:
    """A guard whose parent is this process."""
    process = subprocess.Popen(
        [sys.executable, guard.__file__, "--parent", str(os.getpid()), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=keep,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _pid_of(process: "subprocess.Popen[str]") -> int:
    """The process id that the guard reports, once the guarded process is up."""
    word, pid = next_line(process).split()
    assert word == "started"
    assert process.stderr is not None
    assert process.stderr.readline() == "up\n"
    return int(pid)


def _end_of_input(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.close()


def test_a_process_ends_when_its_parent_is_killed() -> None:
    with python(PARENT, "waits", *_sleeper()) as parent:
        pid = int(next_line(parent))
        assert is_running(pid)
        parent.kill()
        parent.wait()
        wait_until(lambda: not is_running(pid), message="the process ended with its parent")


@pytest.mark.alone
def test_a_fork_of_the_parent_that_lives_on_does_not_keep_the_process_alive() -> None:
    with python(PARENT, "forks", *_sleeper()) as parent:
        pid = int(next_line(parent))
        fork = next(int(line) for line in iter(lambda: next_line(parent), "") if line != "up")
        try:
            parent.kill()
            parent.wait()
            wait_until(lambda: not is_running(pid), message="the process ended with its parent")
            assert is_running(fork)
        finally:
            os.kill(fork, signal.SIGKILL)


def test_the_discarded_folder_is_gone_after_the_parent_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with python(PARENT, "waits", "--discard", str(folder), *_sleeper()) as parent:
        next_line(parent)
        parent.kill()
        parent.wait()
        wait_until(lambda: not folder.exists(), message="the folder was deleted")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can tie a process to its parent's death")
def test_a_process_ends_when_its_guard_is_killed() -> None:
    with _guarded(*_sleeper(DEAF_SLEEPER)) as process:
        pid = _pid_of(process)
        process.kill()
        wait_until(lambda: not is_running(pid), message="the process ended with its guard")


def test_a_guard_that_is_told_to_end_takes_its_process_along() -> None:
    with _guarded(*_sleeper()) as process:
        pid = _pid_of(process)
        process.terminate()
        assert next_line(process) == f"exited {-signal.SIGTERM}"
        assert not is_running(pid)


def test_a_process_that_ignores_the_request_to_end_is_killed_after_its_grace() -> None:
    with _guarded("--grace-s", "0.2", *_sleeper(DEAF_SLEEPER)) as process:
        _pid_of(process)
        _end_of_input(process)
        assert next_line(process) == f"exited {-signal.SIGKILL}"


def test_a_frozen_process_can_still_end_in_order() -> None:
    with _guarded("--grace-s", "60", *_sleeper(ORDERLY_SLEEPER)) as process:
        os.kill(_pid_of(process), signal.SIGSTOP)
        _end_of_input(process)
        assert next_line(process) == "exited 5"


def test_the_end_of_a_process_is_reported_with_its_status_and_ends_the_guard(tmp_path: Path) -> None:
    with _guarded("--discard", str(tmp_path), "--", sys.executable, "-c", "raise SystemExit(3)") as process:
        assert next_line(process).startswith("started ")
        assert next_line(process) == "exited 3"
        assert process.wait(5) == 0
    assert tmp_path.exists(), "a folder is kept for the next start when its process died by itself"


def test_a_process_holds_the_descriptors_that_it_is_to_keep() -> None:
    reading, writing = os.pipe()
    look = f"import os; print(os.path.exists('/dev/fd/{reading}'), os.path.exists('/dev/fd/{writing}'))"
    with _guarded("--keep-fd", str(reading), "--", sys.executable, "-c", look, keep=[reading, writing]) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "True False\n"
    os.close(reading)
    os.close(writing)


def test_a_program_that_cannot_be_run_is_reported() -> None:
    with _guarded("--", "/nowhere/redis-server") as process:
        assert next_line(process).startswith("failed [Errno 2]")
        assert process.wait(5) == 1


def test_a_guard_leaves_no_child_behind() -> None:
    with _guarded(*_sleeper()) as process:
        pid = _pid_of(process)
        assert children_of(process.pid) == [pid]
        _end_of_input(process)
        process.wait(5)
        assert not is_running(pid)
