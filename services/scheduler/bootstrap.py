"""What the scheduler is made of: the one place where its parts are made and joined."""

import os
import socket
from collections.abc import Sequence
from typing import Final

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.jobs.registry import queues
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Settings
from libs.common.stores.mongo import Document, connect_mongo
from libs.common.stores.schedules import DEFAULT_SCHEDULES, ScheduleStore
from libs.common.stores.ticks import TickStore
from services.scheduler.emitter import TickEmitter
from services.scheduler.metrics import expect_ticks
from services.scheduler.process import SchedulerProcess
from services.scheduler.timer import Timer

SERVICE: Final = "scheduler"
REQUIRED: Final = ("REDIS_URL", "MONGODB_URI")

_PING_S: Final = 2.0


def build_scheduler(settings: Settings) -> SchedulerProcess:
    """The scheduler; nothing is contacted until it runs."""
    database = connect_mongo(settings, service=SERVICE)
    redis = connect_redis(settings)
    schedules = ScheduleStore(database)
    expect_ticks(schedule.name for schedule in DEFAULT_SCHEDULES)
    emitter = TickEmitter(
        schedules,
        TickStore(database),
        MongoLedger(database),
        {name: JobQueue(redis, name) for name in queues()},
        clock=SystemClock(),
        name=f"{SERVICE}@{socket.gethostname()}:{os.getpid()}",
    )
    return SchedulerProcess(
        settings=settings,
        timer=Timer(schedules.all, emitter.run_once, emitter.emit_decided),
        missing=lambda: _missing(database),
    )


def _missing(database: Database[Document]) -> Sequence[str]:
    try:
        with pymongo.timeout(_PING_S):
            database.command("ping")
    except PyMongoError:
        return ["mongodb"]
    return []
