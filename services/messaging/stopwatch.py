"""Time that passes for a process, also while it is stopped or its machine is suspended."""

import time
from collections.abc import Callable
from datetime import timedelta

from libs.common.kernel_deadline import uptime

Clock = Callable[[], float]


class Stopwatch:
    """Runs from when it is made.

    It goes by two clocks and takes the greater span: the monotonic one goes on while the process is stopped but may
    stand still with a suspended machine, the wall clock goes on there but may be set back.

    Args:
        clocks: tell the time in seconds.
    """

    def __init__(self, clocks: tuple[Clock, ...] = (time.monotonic, time.time)) -> None:
        self._began = uptime()
        self._clocks = clocks
        self._started = tuple(clock() for clock in clocks)

    def within(self, span: timedelta) -> bool:
        """Whether no more than ``span`` has passed."""
        passed = max(clock() - started for clock, started in zip(self._clocks, self._started, strict=True))
        return passed <= span.total_seconds()

    def end_of(self, span: timedelta) -> float:
        """The moment at which ``span`` has passed, as :func:`libs.common.kernel_deadline.uptime` tells it."""
        return self._began + span.total_seconds()
