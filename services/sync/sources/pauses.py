"""Waiting that can be ended, and keeping calls apart."""

import threading
import time
from collections.abc import Callable

from services.sync.sources.contract import ReadingStopped


class Pauses:
    """Waits in a source's thread; another thread ends them all for good.

    Args:
        monotonic: seconds that only grow.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stopped = threading.Event()
        self._monotonic = monotonic
        self._next: dict[str, float] = {}

    def wait(self, seconds: float) -> None:
        """Waits.

        Raises:
            ReadingStopped: the run is being stopped.
        """
        if self._stopped.wait(max(0.0, seconds)):
            raise ReadingStopped

    def keep_apart(self, kind: str, per_second: float) -> None:
        """Waits until a call of this kind keeps within ``per_second``; 0 is no limit.

        Raises:
            ReadingStopped: the run is being stopped.
        """
        now = self._monotonic()
        at = max(now, self._next.get(kind, now))
        if per_second > 0:
            self._next[kind] = at + 1 / per_second
        self.wait(at - now)

    def stop(self) -> None:
        """Ends all waits, those to come included."""
        self._stopped.set()
