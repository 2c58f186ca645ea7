"""Tuco Jobs itself, as its services use it: contract, :class:`JobQueue`, and the worker process with all middleware.

Jobs are forgotten as soon as they have completed (``Retention(count=0)``), as BullMQ's are with ``removeOnComplete``.
"""

import os
from collections.abc import Sequence
from typing import ClassVar

from benchmarks.queue.peers.jobs import plain_job, sleeping_job
from benchmarks.queue.peers.peer import QUEUE, Data, JobKind
from benchmarks.queue.tally import Tally
from libs.common.broker.actors import JobContext, job_actor
from libs.common.broker.broker import TucoBroker, default_middleware
from libs.common.broker.connection import connect_redis
from libs.common.broker.enqueue import job_from
from libs.common.broker.model import NewJob
from libs.common.broker.queue import JobQueue
from libs.common.broker.settlement import worker_name
from libs.common.ids import new_job_id
from libs.common.jobs.contract import JobContract, Origin, Payload, Retention
from libs.common.logging import set_up_logging
from libs.common.settings import Secret, Settings
from libs.common.worker.process import WorkerProcess


class BenchPayload(Payload, frozen=True, kw_only=True):
    """The payload that every peer gets."""

    message_id: str
    workspace_id: str
    text: str
    sent_us: int = 0


BENCH = JobContract(
    job_type="bench",
    queue=QUEUE,
    payload=BenchPayload,
    origin=Origin.DERIVED,
    retention=Retention(count=0),
    workspace=lambda payload: payload.workspace_id,
)


class TucoJobs:
    """Our own queue."""

    bulk: ClassVar[int] = 10_000

    def __init__(self, url: str) -> None:
        self._settings = Settings(redis_url=Secret(url), log_level="warning")
        self._redis = connect_redis(self._settings)
        self._queue = JobQueue(self._redis, QUEUE)

    def enqueue(self, data: Data) -> None:
        """Adds one job."""
        self._queue.add([new_bench_job(data)])

    def enqueue_bulk(self, batch: Sequence[Data]) -> None:
        """Adds many jobs."""
        self._queue.add([new_bench_job(data) for data in batch])

    def work(self, kind: JobKind, tally: Tally, *, concurrency: int) -> None:
        """Runs the worker process, with the settings' own defaults where the measurement asks for nothing else."""
        settings = self._settings
        if concurrency > 1:
            settings = Settings(redis_url=settings.redis_url, log_level="warning", worker_concurrency=concurrency)
        set_up_logging(settings, service="bench")
        broker = TucoBroker(
            self._redis,
            worker=worker_name("bench", os.getpid()),
            middleware=default_middleware(),
            lease_ms=settings.lease_ms,
        )
        _declare(kind, tally, broker)
        WorkerProcess(service="bench", settings=settings, broker=broker, queues=[QUEUE]).run()


def new_bench_job(data: Data) -> NewJob:
    """The job that carries the payload which every peer gets."""
    payload = BenchPayload(
        message_id=data["messageId"],
        workspace_id=data["workspaceId"],
        text=data["text"],
        sent_us=data.get("sentUs", 0),
    )
    return job_from(BENCH, payload, job_id=new_job_id())


def _declare(kind: JobKind, tally: Tally, broker: TucoBroker) -> None:
    if kind is JobKind.SLEEP:
        sleep = sleeping_job(tally)

        async def wait(_payload: BenchPayload, _job: JobContext) -> None:
            await sleep()

        job_actor(BENCH, broker=broker)(wait)
    else:
        do = plain_job(kind, tally)

        def run(payload: BenchPayload, _job: JobContext) -> None:
            do(payload.sent_us)

        job_actor(BENCH, broker=broker)(run)
