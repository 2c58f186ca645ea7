"""A rate limit as a proxy or a provider counts it: so many calls in any one window."""

import time
from collections import deque
from collections.abc import Callable


class SlidingWindow:
    """Admits a number of calls in any window of a length.

    Args:
        calls: how many calls fit in a window.
        window_s: the window's length, in seconds.
        now: the clock, in seconds.
    """

    def __init__(self, calls: int, window_s: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self.calls = calls
        self.window_s = window_s
        self._now = now
        self._admitted: deque[float] = deque()

    def wait_s(self) -> float:
        """Take a place if there is one.

        Returns:
            0.0 when the call is admitted, else the seconds until a place is free.
        """
        now = self._now()
        while self._admitted and self._admitted[0] <= now - self.window_s:
            self._admitted.popleft()
        if len(self._admitted) < self.calls:
            self._admitted.append(now)
            return 0.0
        return max(self._admitted[0] + self.window_s - now, 0.001)
