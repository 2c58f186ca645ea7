"""Clocks of processes that go wrong: steadily, by libfaketime; jumping, by a patch of the clock that ours are given.

libfaketime moves every wall clock of a process and leaves the monotonic one alone, as long as its error stays the same.
Where the error jumps, it lets a sleep on the monotonic clock fail (``time.sleep``: EINVAL), which no real clock does.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.unguarded.at_start import at_start

_LIBRARIES = (
    "usr/lib/*/faketime/libfaketimeMT.so.1",
    "usr/lib64/faketime/libfaketimeMT.so.1",
    "usr/lib/faketime/libfaketimeMT.so.1",
)


def why_no_faketime() -> str:
    """Why no process here can have a clock of its own; empty where one can."""
    return "" if _library() else "needs libfaketime (Debian and Ubuntu: apt-get install libfaketime)"


def environ_of_a_wrong_clock(seconds: int) -> Mapping[str, str]:
    """The variables of a process whose clock is so many seconds ahead of (or, below zero, behind) the true time."""
    return {"LD_PRELOAD": str(_library()), "FAKETIME": f"{seconds:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


class JumpingClock:
    """The clock of one process, which can be put wrong while it runs.

    Args:
        file: an own file, in which the error of the clock is kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def go_wrong(self, seconds: int) -> None:
        """Move it to so many seconds ahead of (or, below zero, behind) the true time."""
        fresh = self._file.with_suffix(f".{os.getpid()}")
        fresh.write_text(f"{seconds}\n")
        fresh.replace(self._file)

    def environ(self) -> Mapping[str, str]:
        """The variables that give a process this clock."""
        return at_start(clock=str(self._file))


def _library() -> Path | None:
    return next((found for each in _LIBRARIES for found in Path("/").glob(each)), None)
