"""An epoch that is looked up at most once a second: it is needed for every message and changes about never."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta


class CachedEpoch:
    """Remembers an answer for a while. Thread-safe.

    Args:
        look_up: answers the epoch.
        keep: for how long an answer is good.
        monotonic: tells the time in seconds.
    """

    def __init__(
        self,
        look_up: Callable[[], str],
        *,
        keep: timedelta = timedelta(seconds=1),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = look_up
        self._keep_s = keep.total_seconds()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: tuple[float, str] | None = None

    def current(self) -> str:
        """The epoch as of at most a second ago.

        Raises:
            StoreUnavailable: it has to be looked up, and the store is away.
        """
        with self._lock:
            now = self._monotonic()
            if self._known is None or now - self._known[0] >= self._keep_s:
                self._known = (now, self._look_up())
            return self._known[1]

    def refresh(self) -> None:
        """Looks the epoch up at the next question, however fresh it is."""
        with self._lock:
            self._known = None
