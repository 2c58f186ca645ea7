"""Makes guessing tokens slow: an address that shows wrong ones is soon listened to no more, by each gateway for itself.

A token that this address has shown before, and that was good, is still taken: whoever shares an address with somebody
who guesses goes on working.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from werkzeug.exceptions import TooManyRequests

GUESSES: Final = "guesses"
"""Under which name an app has its limits among its extensions."""

_AT_ONCE: Final = 20
_PAUSE_S: Final = 3.0
_MOST_ADDRESSES: Final = 10_000


class GuessLimits:
    """Counts wrong tokens by address. Only so many addresses are remembered, so the memory is bounded.

    Args:
        at_once: how many wrong tokens an address may show in a short time.
        pause_s: seconds after which it may show one more.
        most: how many addresses are remembered, and how many good tokens.
        monotonic: tells seconds.
    """

    def __init__(
        self,
        *,
        at_once: int = _AT_ONCE,
        pause_s: float = _PAUSE_S,
        most: int = _MOST_ADDRESSES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once = at_once
        self._pause_s = pause_s
        self._most = most
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, address: str, fingerprint: str) -> None:
        """Looks whether a token of an address is listened to.

        Args:
            address: who shows it.
            fingerprint: tells one token from another.

        Raises:
            TooManyRequests: the address has shown too many wrong ones; ``Retry-After`` says when it may try again.
        """
        with self._lock:
            left = self._left(address)
            if left >= 1 or (address, fingerprint) in self._good:
                return
        wait_s = math.ceil((1 - left) * self._pause_s)
        raise TooManyRequests("Too many unknown tokens came from this address; wait.", retry_after=wait_s)

    def was_wrong(self, address: str) -> None:
        """Counts a wrong token."""
        with self._lock:
            left = self._left(address)
            self._wrong[address] = (max(0.0, left - 1), self._monotonic())
            self._wrong.move_to_end(address)
            while len(self._wrong) > self._most:
                self._wrong.popitem(last=False)

    def was_good(self, address: str, fingerprint: str) -> None:
        """Remembers a good token of an address."""
        with self._lock:
            self._good[(address, fingerprint)] = None
            self._good.move_to_end((address, fingerprint))
            while len(self._good) > self._most:
                self._good.popitem(last=False)

    def _left(self, address: str) -> float:
        left, since = self._wrong.get(address, (float(self._at_once), 0.0))
        return min(float(self._at_once), left + (self._monotonic() - since) / self._pause_s)
