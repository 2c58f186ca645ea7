"""Runs the reconciler beside a process's own work: at its interval, and at once when Redis lost data or came back."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.ledger.reconciler import Reconciler, Report
from libs.common.logging import get_logger

log = get_logger(__name__)

_REST = 4
"""However many jobs are open, the reconciler rests at least this many times as long as it ran."""


class ReconcilerThread:
    """One thread that runs a reconciler until it is stopped.

    Args:
        reconciler: what to run.
        interval: the pause between two runs while nothing is wrong.
        watch: how often Redis is looked at between the runs; also the pause before a failed run is repeated.
        on_run: called with each report, in the thread; metrics and tests listen here.
    """

    def __init__(
        self,
        reconciler: Reconciler,
        *,
        interval: timedelta,
        watch: timedelta = timedelta(milliseconds=500),
        on_run: Callable[[Report], None] = lambda _report: None,
    ) -> None:
        self._reconciler = reconciler
        self._interval_s = interval.total_seconds()
        self._watch_s = min(watch, interval).total_seconds()
        self._on_run = on_run
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)
        self._reachable = True
        self._due = 0.0
        self._not_before = 0.0

    def start(self) -> None:
        """Starts the thread; its first run begins at once."""
        self._thread.start()

    def stop(self, *, timeout: timedelta = timedelta(seconds=5)) -> None:
        """Ends the thread after the page in hand, and waits for that; every part of a run may be repeated."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout.total_seconds())

    def _run(self) -> None:
        while True:
            self._look()
            if self._stopping.wait(self._watch_s):
                return

    def _look(self) -> None:
        """Runs the reconciler if there is a reason to."""
        now = time.monotonic()
        if now < self._not_before:
            return
        try:
            if now >= self._due or self._reconciler.redis_may_have_lost_data():
                report = self._reconciler.run_once(stopping=self._stopping.is_set)
                ended = time.monotonic()
                self._due = ended + max(self._interval_s, _REST * (ended - now))
                self._on_run(report)
            self._found()
        except QueueFull as error:
            log.warning("reconciler.queue_full", error=error.reason)
            self._not_before = time.monotonic() + self._interval_s
        except StoreUnavailable as error:
            self._lost(error)
        except Exception:
            # The thread must outlive whatever one job's data or one answer of a server does to a run.
            log.exception("reconciler.failed")
            self._not_before = time.monotonic() + self._interval_s

    def _lost(self, error: StoreUnavailable) -> None:
        """Notes that a store is away: the next look, one watch later, tries again."""
        if self._reachable:
            log.warning("reconciler.store_lost", store=error.store, error=error.reason)
        self._reachable = False
        self._due = time.monotonic()

    def _found(self) -> None:
        if not self._reachable:
            log.info("reconciler.store_found")
        self._reachable = True
