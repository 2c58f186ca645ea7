"""Which lines were at fault a moment ago, as this worker saw it: new conversations go elsewhere at once.

The health check takes minutes to be sure; a worker that was just refused need not try the same line with the next
message.
"""

import time
from collections.abc import Callable
from datetime import timedelta


class LineFaults:
    """Remembers faults for a while.

    Args:
        remember: for how long.
        monotonic: tells the time in seconds.
    """

    def __init__(
        self, *, remember: timedelta = timedelta(seconds=30), monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._remember_s = remember.total_seconds()
        self._monotonic = monotonic
        self._until: dict[str, float] = {}

    def note(self, line_id: str) -> None:
        """The line was at fault just now."""
        self._until[line_id] = self._monotonic() + self._remember_s

    def forget(self, line_id: str) -> None:
        """The line has just worked."""
        self._until.pop(line_id, None)

    def was_at_fault(self, line_id: str) -> bool:
        """Whether the line was at fault a moment ago."""
        return self._until.get(line_id, 0.0) > self._monotonic()
