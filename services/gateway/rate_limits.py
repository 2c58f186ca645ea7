"""How often one caller may ask: a bucket per token, refilled evenly. Each gateway counts for itself."""

import math
import threading
import time
from collections.abc import Callable

from werkzeug.exceptions import TooManyRequests

from services.gateway.auth import Caller, Scope


class RateLimits:
    """Refuses callers who ask too often. There are as many buckets as there are tokens, so their number is bounded.

    Args:
        per_second: requests per second, evenly; twice as many may come at once after a quiet time.
        monotonic: tells seconds.
    """

    def __init__(self, *, per_second: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = 2.0 * per_second
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def admit(self, caller: Caller) -> None:
        """Takes one request from the caller's bucket; whoever shows no token has none and is not counted.

        Raises:
            TooManyRequests: the bucket is empty; ``Retry-After`` says when it no longer is.
        """
        if caller.scope is Scope.OPEN:
            return
        who = caller.fingerprint or caller.name
        with self._lock:
            now = self._monotonic()
            left, since = self._buckets.get(who, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            if left >= 1:
                self._buckets[who] = (left - 1, now)
                return
            self._buckets[who] = (left, now)
        wait_s = math.ceil((1 - left) / self._per_second)
        raise TooManyRequests(f"This token may ask {self._per_second} times per second.", retry_after=wait_s)
