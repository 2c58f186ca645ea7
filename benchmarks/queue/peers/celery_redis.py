"""Celery on Redis.

Settings, from https://docs.celeryq.dev/en/stable/userguide/optimizing.html and its page on workers: no results, no
events, no gossip, no mingle, no heartbeat, no rate limits, a large prefetch for short tasks. Pools: ``solo`` for short
tasks (no hand-over to another process or thread), ``threads`` for those that wait: there is none for coroutine
functions. Tasks are acknowledged early, which is Celery's default and its fastest; only where a worker is killed they
are acknowledged late (``acks_late``), or the job would be lost. Adding many tasks at once is not part of it.
"""

from collections.abc import Sequence
from typing import ClassVar

from celery import Celery

from benchmarks.queue.peers.jobs import plain_job
from benchmarks.queue.peers.peer import QUEUE, Data, JobKind
from benchmarks.queue.tally import Tally


class CeleryOnRedis:
    """Celery."""

    bulk: ClassVar[int] = 1_000

    def __init__(self, url: str) -> None:
        self._app = Celery("bench", broker=url)
        self._app.conf.update(
            task_ignore_result=True,
            task_store_errors_even_if_ignored=False,
            task_default_queue=QUEUE,
            task_create_missing_queues=True,
            worker_disable_rate_limits=True,
            worker_send_task_events=False,
            worker_prefetch_multiplier=128,
            broker_connection_retry_on_startup=True,
        )
        self._send = self._app.signature("bench")
        self._producer = self._app.amqp.Producer(self._app.connection_for_write())

    def enqueue(self, data: Data) -> None:
        """Adds one task, through a producer that is kept."""
        self._app.send_task("bench", (data,), producer=self._producer)

    def enqueue_bulk(self, batch: Sequence[Data]) -> None:
        """Adds tasks one by one: there is no other way."""
        for data in batch:
            self.enqueue(data)

    def work(self, kind: JobKind, tally: Tally, *, concurrency: int) -> None:
        """Runs the worker."""
        do = plain_job(kind, tally)

        def run(data: Data) -> None:
            do(data.get("sentUs", 0))

        self._app.task(run, name="bench", acks_late=kind is JobKind.HOLD)
        pool = ["--pool=threads", f"--concurrency={concurrency}"] if concurrency > 1 else ["--pool=solo"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
        self._app.worker_main(["worker", *pool, *quiet])
