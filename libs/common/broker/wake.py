"""Push, not polling: a thread that blocks on the queue's marker and tells its worker when something has come."""

import threading
from collections.abc import Callable

from libs.common.broker.transport import ScriptRunner
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger

log = get_logger(__name__)

_BLOCK_S = 2.0
"""How long one blocking call lasts; shorter than the client's socket time-out, and only a bound on stopping."""
_PAUSE_WHEN_AWAY_S = 0.5


class WakeListener(threading.Thread):
    """Listens while it is asked to, once per :meth:`listen`.

    A marker that is taken by a worker without room would keep a job from others; so it listens only when told that
    there is room.

    Args:
        scripts: knows the queue's marker.
        tell: called, in this thread, when a marker was taken.
    """

    def __init__(self, scripts: ScriptRunner, tell: Callable[[], None]) -> None:
        super().__init__(name="wake-listener", daemon=True)
        self._scripts = scripts
        self._tell = tell
        self._asked = threading.Event()
        self._stopping = threading.Event()

    def listen(self) -> None:
        """Asks to be told of the next job."""
        self._asked.set()

    def pause(self) -> None:
        """Takes no more markers once the blocking call under way has ended."""
        self._asked.clear()

    def run(self) -> None:
        """The thread's loop."""
        while not self._stopping.is_set():
            if not self._asked.wait(_BLOCK_S):
                continue
            try:
                woken = self._scripts.take_marker(wait_s=_BLOCK_S)
            except StoreUnavailable:
                # The worker's own calls report that Redis is away; here it is enough not to spin.
                self._stopping.wait(_PAUSE_WHEN_AWAY_S)
                continue
            if woken:
                self._asked.clear()
                self._tell()

    def stop(self) -> None:
        """Ends the thread within one blocking call."""
        self._stopping.set()
        self._asked.set()
