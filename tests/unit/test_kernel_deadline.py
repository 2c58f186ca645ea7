"""The kernel ends a process that is inside a block for too long, and no other."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from libs.common.kernel_deadline import is_enforced

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL
PRELUDE = """
import os, signal, time
from contextlib import suppress
from libs.common.kernel_deadline import dead_by, uptime
"""

pytestmark = pytest.mark.skipif(not is_enforced(), reason="the kernel has no such timers")


def status_of(program: str) -> int:
    """How a process of its own ends that does this; 0 where it comes to its end."""
    return subprocess.run([sys.executable, "-c", PRELUDE + program], cwd=ROOT, check=False, timeout=30).returncode


def test_a_process_that_is_inside_when_the_time_is_up_ends() -> None:
    assert status_of("with dead_by(uptime() + 0.05): time.sleep(20)") == KILLED


def test_a_process_that_stands_still_inside_ends_without_being_woken() -> None:
    assert status_of("with dead_by(uptime() + 0.05): os.kill(os.getpid(), signal.SIGSTOP)") == KILLED


def test_a_process_that_comes_late_ends_before_it_does_anything() -> None:
    assert status_of("with dead_by(uptime() - 1): os._exit(0)") == KILLED


def test_a_process_that_got_out_in_time_lives() -> None:
    assert status_of("for _ in range(3):\n  with dead_by(uptime() + 0.2): pass\ntime.sleep(0.3)") == 0


def test_a_block_that_failed_counts_as_left() -> None:
    assert status_of("with suppress(OSError), dead_by(uptime() + 0.2): raise OSError\ntime.sleep(0.3)") == 0


def test_a_child_has_a_deadline_of_its_own() -> None:
    forked = """
with dead_by(uptime() + 5): pass
if os.fork() == 0:
    with dead_by(uptime() + 0.05): time.sleep(20)
raise SystemExit(0 if os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGKILL else 1)
"""
    assert status_of(forked) == 0
