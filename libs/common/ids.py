"""Identifiers: time-ordered and random for new jobs, derived for jobs that must exist once.

The text form is the ULID's (https://github.com/ulid/spec: 48 bits of milliseconds and 80 random bits in Crockford's
base 32, 26 characters), in lower case. Sorting ids sorts by creation, which keeps the ledger's index compact.
"""

import hashlib
import os
import random
import time
from collections.abc import Callable

IdFactory = Callable[[], str]
"""Makes a new unique id at each call."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_FORTY_BITS = (1 << 40) - 1


# An id is no secret, and asking the system for randomness costs more than all the rest.
_random = random.Random(os.urandom(32))  # noqa: S311
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


def new_job_id() -> str:
    """A new time-ordered job id of 26 characters."""
    return _encode((time.time_ns() // 1_000_000 << 80) | _random.getrandbits(80))


def derived_job_id(*parts: str) -> str:
    """The job id that stands for ``parts``: the same parts always give the same id.

    Used where a second request must meet the first one's job: idempotency keys and schedule ticks.
    """
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    return _encode(int.from_bytes(digest[:16]))


def _encode(number: int) -> str:
    # Written out and in parts that are small numbers, because a batch makes thousands.
    a, b, c = number >> 80, number >> 40 & _FORTY_BITS, number & _FORTY_BITS
    return (
        f"{_PAIRS[a >> 40]}{_PAIRS[a >> 30 & 1023]}{_PAIRS[a >> 20 & 1023]}{_PAIRS[a >> 10 & 1023]}{_PAIRS[a & 1023]}"
        f"{_PAIRS[b >> 30]}{_PAIRS[b >> 20 & 1023]}{_PAIRS[b >> 10 & 1023]}{_PAIRS[b & 1023]}"
        f"{_PAIRS[c >> 30]}{_PAIRS[c >> 20 & 1023]}{_PAIRS[c >> 10 & 1023]}{_PAIRS[c & 1023]}"
    )
