"""A small service for tests: ``python -m tests.end_to_end.worker.app``; what its jobs do is counted in Redis."""

import asyncio
import os
import sys
import time

import redis

from libs.common.broker.actors import JobContext, job_actor
from libs.common.broker.broker import TucoBroker
from libs.common.broker.connection import connect_redis
from libs.common.broker.settlement import worker_name
from libs.common.jobs.contract import JobContract, Origin, Payload
from libs.common.logging import set_up_logging
from libs.common.settings import load_settings
from libs.common.worker.process import WorkerProcess


class Task(Payload, frozen=True, kw_only=True):
    seconds: float = 0.0


EFFECTS = "effects"
WORK = JobContract(job_type="work", queue="tasks", payload=Task, origin=Origin.REST)
WORK_ASYNC = JobContract(job_type="work-async", queue="tasks", payload=Task, origin=Origin.REST)
POISON = JobContract(job_type="poison", queue="tasks", payload=Task, origin=Origin.REST)


def declare(broker: TucoBroker, effects: "redis.Redis") -> None:
    @job_actor(WORK, broker=broker)
    def work(task: Task, job: JobContext) -> None:
        effects.hincrby("started", job.job_id, 1)
        time.sleep(task.seconds)
        effects.hincrby(EFFECTS, job.job_id, 1)

    @job_actor(WORK_ASYNC, broker=broker)
    async def work_async(task: Task, job: JobContext) -> None:
        effects.hincrby("started", job.job_id, 1)
        await asyncio.sleep(task.seconds)
        effects.hincrby(EFFECTS, job.job_id, 1)

    @job_actor(POISON, broker=broker)
    def poison(_task: Task, job: JobContext) -> None:
        effects.hincrby("started", job.job_id, 1)
        os.kill(os.getpid(), 9)


def main() -> int:
    settings = load_settings(os.environ, required=("REDIS_URL",))
    set_up_logging(settings, service="test-app")
    broker = TucoBroker(connect_redis(settings), worker=worker_name("app", os.getpid()), lease_ms=settings.lease_ms)
    declare(broker, redis.Redis.from_url(os.environ["EFFECTS_URL"]))
    process = WorkerProcess(service="test-app", settings=settings, broker=broker, queues=["tasks"])
    return process.run()


if __name__ == "__main__":
    sys.exit(main())
