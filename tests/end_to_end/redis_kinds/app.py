"""A worker as services start it, whose jobs are counted in a Redis of their own: ``python -m ...redis_kinds.app``."""

import asyncio
import os
import sys

import redis

from libs.common.broker.actors import JobContext, job_actor
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.logging import set_up_logging
from libs.common.settings import load_settings
from libs.common.stores.mongo import connect_mongo
from libs.common.worker.bootstrap import broker_for
from libs.common.worker.process import WorkerProcess

RUNS = "runs"
JOB_S = 0.05


def main() -> int:
    settings = load_settings(os.environ, required=("REDIS_URL", "MONGODB_URI"))
    set_up_logging(settings, service="test-app")
    broker = broker_for(settings, connect_mongo(settings, service="test-app"), service="test-app")
    effects = redis.Redis.from_url(os.environ["EFFECTS_URL"])

    @job_actor(MESSAGE_PROCESSING, broker=broker)
    async def process(_message: MessageProcessing, job: JobContext) -> None:
        await asyncio.sleep(JOB_S)
        await asyncio.to_thread(effects.hincrby, RUNS, job.job_id, 1)

    queues = [MESSAGE_PROCESSING.queue]
    return WorkerProcess(service="test-app", settings=settings, broker=broker, queues=queues).run()


if __name__ == "__main__":
    sys.exit(main())
