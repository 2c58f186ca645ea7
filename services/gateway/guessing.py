"""Makes guessing tokens slow: an address that shows wrong ones is soon listened to no more, by each gateway for itself.

Whoever shares an address with somebody who guesses, as all do behind a proxy that nobody told the gateway of, goes on
working. A good token that is too long to be guessed at any speed is always taken. A shorter one is taken from an
address that has shown it before; one that is shown for the first time has to wait like a wrong one, or it could be
found by trying.
"""

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from werkzeug.exceptions import TooManyRequests

GUESSES: Final = "guesses"
"""Under which name an app has its limits among its extensions."""

UNGUESSABLE_LENGTH: Final = 32
"""Tokens of so many characters are not found by trying: as hexadecimal digits, they are 128 bits."""

_AT_ONCE: Final = 20
_PAUSE_S: Final = 3.0
_MOST_ADDRESSES: Final = 10_000
_IPV6_NETWORK_BITS: Final = 64
"""What one host is given at least, RFC 6177: it may call from any address of it."""


class GuessLimits:
    """Counts wrong tokens by address, of IPv6 by the network that is one host's. Only so many are remembered.

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
        address = _counted_as(address)
        with self._lock:
            left = self._left(address)
            if left >= 1 or (address, fingerprint) in self._good:
                return
        wait_s = math.ceil((1 - left) * self._pause_s)
        raise TooManyRequests("Too many unknown tokens came from this address; wait.", retry_after=wait_s)

    def was_wrong(self, address: str) -> None:
        """Counts a wrong token."""
        address = _counted_as(address)
        with self._lock:
            left = self._left(address)
            self._wrong[address] = (max(0.0, left - 1), self._monotonic())
            self._wrong.move_to_end(address)
            while len(self._wrong) > self._most:
                self._wrong.popitem(last=False)

    def was_good(self, address: str, fingerprint: str) -> None:
        """Remembers a good token of an address."""
        address = _counted_as(address)
        with self._lock:
            self._good[(address, fingerprint)] = None
            self._good.move_to_end((address, fingerprint))
            while len(self._good) > self._most:
                self._good.popitem(last=False)

    def _left(self, address: str) -> float:
        left, since = self._wrong.get(address, (float(self._at_once), 0.0))
        return min(float(self._at_once), left + (self._monotonic() - since) / self._pause_s)


@lru_cache(maxsize=_MOST_ADDRESSES)
def _counted_as(address: str) -> str:
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(read, ipaddress.IPv4Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(read), _IPV6_NETWORK_BITS), strict=False))
