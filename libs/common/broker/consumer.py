"""The consumer for Dramatiq's own worker: one job at a time, held by a lease that a thread renews."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import BrokerConnectionError

from libs.common.broker.fetcher import Fetcher
from libs.common.broker.held_job import HeldJob
from libs.common.broker.leases import LeaseKeeper
from libs.common.broker.outcome import Completed, Dead, HandedBack
from libs.common.broker.queue import JobQueue
from libs.common.broker.settlement import Settler
from libs.common.broker.wake import WakeListener
from libs.common.errors import StoreUnavailable

_LONGEST_REST_S = 1.0
_connection_error: Callable[[str], Exception] = BrokerConnectionError


class LeasedConsumer(Consumer):
    """Iterates over the jobs of a queue.

    Args:
        queue: the queue.
        settler: tells Redis how jobs ended.
        worker: this process's name.
        lease_ms: how long a lease lasts without renewal.
        prefetch: how many jobs may be held at once.
        timeout_ms: how long to wait for a job before answering that there is none.
    """

    def __init__(
        self, queue: JobQueue, settler: Settler, *, worker: str, lease_ms: int, prefetch: int, timeout_ms: int
    ) -> None:
        self._settler = settler
        self._prefetch = prefetch
        self._timeout_s = timeout_ms / 1000
        self._alone = False
        self._ready: deque[HeldJob] = deque()
        self._something_new = threading.Event()
        self._keeper = LeaseKeeper(queue.scripts, lease_ms=lease_ms)
        self._fetcher = Fetcher(queue.scripts, self._keeper, worker=worker, lease_ms=lease_ms)
        self._listener = WakeListener(queue.scripts, self._something_new.set)
        self._keeper.start()
        self._listener.start()

    def __next__(self) -> MessageProxy | None:
        """The next job, or ``None`` where none came in time."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            if self._ready:
                return self._ready.popleft()
            self._something_new.clear()
            rest = self._fetch()
            if self._ready:
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._something_new.wait(min(left, rest, _LONGEST_REST_S))

    def ack(self, message: MessageProxy) -> None:
        """The run has ended; the outcome that the middleware decided is carried out."""
        self._settle(message, fallback=Completed())

    def nack(self, message: MessageProxy) -> None:
        """The message was rejected."""
        self._settle(message, fallback=Dead("rejected"))

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Hands back jobs that will not be run."""
        held = [message for message in messages if isinstance(message, HeldJob)]
        for job in held:
            job.outcome = HandedBack()
        self._carry_out([*held])

    def close(self) -> None:
        """Stops renewing; jobs still held come back to others when their lease ends."""
        self.requeue(list(self._ready))
        self._ready.clear()
        self._listener.stop()
        self._keeper.stop()

    def _fetch(self) -> float:
        """Takes what there is room for; answers the seconds until something falls due."""
        room = 0 if self._alone and len(self._keeper) else self._prefetch - len(self._keeper)
        if room > 0:
            self._listener.listen()
        try:
            fetched = self._fetcher.fetch(max(0, room))
        except StoreUnavailable as error:
            raise _connection_error(str(error)) from error
        self._keeper.cancel(fetched.cancelled)
        self._alone = (self._alone and room == 0) or fetched.alone
        for job in fetched.jobs:
            self._keeper.hold(job)
            self._ready.append(job)
        self._settler.bury_undecodable(fetched.undecodable)
        return max(0.0, (fetched.due_ms - fetched.now_ms) / 1000)

    def _settle(self, message: MessageProxy, *, fallback: Completed | Dead) -> None:
        if isinstance(message, HeldJob):
            message.outcome = message.outcome or fallback
            self._carry_out([message])
            self._something_new.set()

    def _carry_out(self, jobs: list[HeldJob]) -> None:
        try:
            self._settler.settle(jobs)
        except StoreUnavailable as error:
            raise _connection_error(str(error)) from error
        for job in jobs:
            self._keeper.release(job)
