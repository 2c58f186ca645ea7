"""Dramatiq as it comes, with its own Redis broker, its default middleware and its own worker.

It has no call that adds many jobs. A worker has 8 threads by default (https://dramatiq.io/guide.html#workers), which
was as fast as any other number; a thread waits for each coroutine function, so there are as many as jobs at once.
``dramatiq_queue_prefetch`` (https://dramatiq.io/reference.html, "Environment Variables") is 1,000 instead of 16: short
jobs then run four times as fast. The variable is set where the process is started, because Dramatiq reads it on import.
"""

import time
from collections.abc import Sequence
from typing import ClassVar

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO

from benchmarks.queue.peers.jobs import HELD_S, plain_job, sleeping_job
from benchmarks.queue.peers.peer import QUEUE, Data, JobKind
from benchmarks.queue.tally import Tally

_THREADS = 8


class StockDramatiq:
    """Dramatiq on its own Redis broker."""

    bulk: ClassVar[int] = 1_000

    def __init__(self, url: str) -> None:
        self._broker: dramatiq.Broker = RedisBroker(url=url)  # type: ignore[no-untyped-call] # it has no annotations
        self._broker.add_middleware(AsyncIO())
        self._broker.declare_queue(QUEUE)

    def enqueue(self, data: Data) -> None:
        """Adds one job."""
        self._broker.enqueue(
            dramatiq.Message(queue_name=QUEUE, actor_name="bench", args=(data,), kwargs={}, options={})
        )

    def enqueue_bulk(self, batch: Sequence[Data]) -> None:
        """Adds jobs one by one: there is no other way."""
        for data in batch:
            self.enqueue(data)

    def work(self, kind: JobKind, tally: Tally, *, concurrency: int) -> None:
        """Runs its worker."""
        if kind is JobKind.SLEEP:
            sleep = sleeping_job(tally)

            async def wait(_data: Data) -> None:
                await sleep()

            dramatiq.actor(broker=self._broker, actor_name="bench", queue_name=QUEUE)(wait)
        else:
            do = plain_job(kind, tally)

            def run(data: Data) -> None:
                do(data.get("sentUs", 0))

            dramatiq.actor(broker=self._broker, actor_name="bench", queue_name=QUEUE)(run)
        dramatiq.Worker(self._broker, worker_threads=max(_THREADS, concurrency)).start()
        while True:
            time.sleep(HELD_S)
