"""The clock of a process, put wrong from outside, steadily or by jumps.

By a patch at the program's start (:mod:`tests.chaos.unguarded.wrong_clock`). libfaketime, which would move every clock,
is of no use: its version 0.9.10 lets ``time.sleep`` of Python 3.11 fail (EINVAL), which no wrong clock does.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.unguarded.at_start import at_start


class WrongClock:
    """The clock of one process.

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
