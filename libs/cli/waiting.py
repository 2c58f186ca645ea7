"""Waiting for something that another process brings about."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    probe: Callable[[], T | None],
    *,
    timeout_s: float,
    unless: Callable[[], bool] = lambda: False,
    interval_s: float = 0.05,
) -> T | None:
    """What ``probe`` answers once it answers something true; None where it does not in time.

    Args:
        probe: what is awaited.
        timeout_s: seconds after which one gives up.
        unless: says that waiting has become pointless; ``probe`` is asked once more then.
        interval_s: seconds between two questions.
    """
    give_up_at = time.monotonic() + timeout_s
    while True:
        pointless = unless() or time.monotonic() > give_up_at
        if found := probe():
            return found
        if pointless:
            return None
        time.sleep(interval_s)
