"""Waiting for a condition with a deadline, in place of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    predicate: Callable[[], T], *, deadline_s: float = 10.0, message: str = "the condition", interval_s: float = 0.01
) -> T:
    """Call ``predicate`` until it returns something true, and return that.

    Args:
        predicate: what is awaited; its exceptions pass.
        deadline_s: seconds after which the test fails.
        message: what is awaited, in words that make sense after "did not happen within 10 seconds:".
        interval_s: seconds between two calls.

    Raises:
        AssertionError: it did not become true in time; the message holds the last value.
    """
    give_up_at = time.monotonic() + deadline_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > give_up_at:
            raise AssertionError(f"did not happen within {deadline_s:g} seconds: {message} (last value: {value!r})")
        time.sleep(interval_s)
