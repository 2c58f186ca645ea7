"""RQ with the worker that its own notes on performance name as the fastest, :class:`rq.SimpleWorker`.

That one runs jobs in its own process instead of in a fork for each (docs/benchmark.md in https://github.com/rq/rq).
Many jobs are added by ``enqueue_many`` in a pipeline (https://python-rq.org/docs/#bulk-job-enqueueing), and results
are not kept (``result_ttl=0``, https://python-rq.org/docs/results/). A worker runs one job at a time, whatever it
waits for.
"""

import logging
from collections.abc import Callable, Sequence
from typing import ClassVar

from redis import Redis
from rq import Queue, SimpleWorker

from benchmarks.queue.peers.jobs import plain_job
from benchmarks.queue.peers.peer import QUEUE, Data, JobKind
from benchmarks.queue.tally import Tally

_FUNCTION = "benchmarks.queue.peers.rq_simple.run"
_current: dict[str, Callable[[int], None]] = {}


def run(data: Data) -> None:
    """The job: RQ finds it by its name."""
    _current["do"](data.get("sentUs", 0))


class RqSimple:
    """RQ."""

    bulk: ClassVar[int] = 1_000

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)
        self._queue = Queue(QUEUE, connection=self._redis)

    def enqueue(self, data: Data) -> None:
        """Adds one job."""
        self._queue.enqueue(_FUNCTION, data, result_ttl=0)

    def enqueue_bulk(self, batch: Sequence[Data]) -> None:
        """Adds many jobs in one pipeline."""
        self._queue.enqueue_many([Queue.prepare_data(_FUNCTION, (data,), result_ttl=0) for data in batch])

    def work(self, kind: JobKind, tally: Tally, *, concurrency: int) -> None:  # noqa: ARG002 - it runs one at a time
        """Runs the worker."""
        _current["do"] = plain_job(kind, tally)
        SimpleWorker([self._queue], connection=self._redis).work(logging_level=logging.getLevelName(logging.WARNING))
