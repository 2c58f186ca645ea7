"""Looks at queues and workers every few seconds and remembers a minute of it, so that ``/stats`` can tell rates."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from libs.common.worker.heartbeat import WorkerSeen
from services.gateway.asked_queues import CountsJobs
from services.gateway.rates import Sample

log = get_logger(__name__)

INTERVAL = timedelta(seconds=5)
REMEMBERED = timedelta(minutes=1)


class Sampler:
    """Takes samples, in a thread of its own once it is started.

    Args:
        queues: every queue by its name.
        workers: tells which workers live.
        interval: the pause between two samples.
        remembered: how far back rates look.
        on_sample: is told of every look that is remembered.
        monotonic: tells seconds.
    """

    def __init__(
        self,
        queues: Mapping[str, CountsJobs],
        workers: Callable[[], Sequence[WorkerSeen]],
        *,
        interval: timedelta = INTERVAL,
        remembered: timedelta = REMEMBERED,
        on_sample: Callable[[Sample], None] = lambda _sample: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = queues
        self._workers = workers
        self._on_sample = on_sample
        self._interval_s = interval.total_seconds()
        self._monotonic = monotonic
        self._samples: deque[Sample] = deque(maxlen=max(2, remembered // interval))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()

    def now(self) -> Sample:
        """A look at this moment.

        Raises:
            StoreUnavailable: Redis is away.
        """
        return Sample(
            at_s=self._monotonic(),
            queues={name: queue.stats() for name, queue in self._queues.items()},
            workers={worker.worker: worker for worker in self._workers_seen()},
        )

    def _workers_seen(self) -> Sequence[WorkerSeen]:
        """The workers; none where only they cannot be asked for, as with a Redis user of an older installation."""
        try:
            return self._workers()
        except StoreUnavailable as error:
            log.warning("sampler.workers_unknown", error=error.reason)
            return ()

    def earliest(self) -> Sample | None:
        """The earliest look that is remembered."""
        return self._samples[0] if self._samples else None

    def sample(self) -> None:
        """Remembers a look at this moment; what was before a time without Redis is forgotten."""
        try:
            look = self.now()
        except StoreUnavailable as error:
            log.debug("sampler.redis_away", error=error.reason)
            self._samples.clear()
            return
        self._samples.append(look)
        self._on_sample(look)

    def _run(self) -> None:
        while True:
            self.sample()
            if self._stopping.wait(self._interval_s):
                return
