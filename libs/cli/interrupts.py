"""Ctrl-C and its relatives as something to wait for: the first asks for an orderly end, a second for a quick one."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_requests(*, on_second: Callable[[], None]) -> Iterator[threading.Event]:
    """While it lasts, Ctrl-C, SIGTERM and the terminal's end set the event instead of raising.

    Args:
        on_second: called at a second request, for those who cannot wait.
    """
    requested = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if requested.is_set():
            on_second()
        requested.set()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
