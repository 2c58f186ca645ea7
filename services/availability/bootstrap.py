"""What the availability worker is made of: the one place where its parts are made and joined."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pymongo.database import Database

from libs.common.broker.broker import TucoBroker
from libs.common.broker.connection import connect_redis
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.health_check import HEALTH_CHECK
from libs.common.ledger.mongo import MongoLedger
from libs.common.offload import Offload
from libs.common.providers.fast_transport import FastTransport
from libs.common.providers.registry import checker_for
from libs.common.settings import Settings
from libs.common.stores.leads import LeadStore
from libs.common.stores.lines import LineStore
from libs.common.stores.mongo import Document, connect_mongo, what_is_missing
from libs.common.worker.command import WorkerCommand
from libs.common.worker.process import WorkerProcess
from services.availability.actors import Runs, declare
from services.availability.checking import Checker
from services.availability.direct import DirectChecks
from services.availability.health_bootstrap import health_check_worker
from services.availability.line_pool import LinePool
from services.availability.offloaded_leads import OffloadedLeads
from services.availability.pacing import LocalPacer, Pacer, PacerForRequests
from services.availability.planning import Planner
from services.availability.request import CheckRules
from services.availability.summary import Summarizer

SERVICE = "availability"
REQUIRED = ("REDIS_URL", "MONGODB_URI", "CREDENTIALS_KEY")

_REQUEST_HORIZON_S = 6.0
"""Longer than a run's, so that a person's few questions find moments behind those that runs have reserved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAvailability:
    """What serves the queue ``bulk-availability``, its actors declared on its broker."""

    broker: TucoBroker
    direct: DirectChecks
    transport: FastTransport
    offload: Offload

    def close(self) -> None:
        """Ends what has threads of its own; to be called when the worker's event loop has ended."""
        asyncio.run(self.transport.close())
        self.offload.close()


def build_bulk_availability(settings: Settings, database: Database[Document]) -> BulkAvailability:
    """The parts, joined; nothing is contacted until a job runs.

    Raises:
        SettingsError: CREDENTIALS_KEY is missing or malformed.
    """
    clock = SystemClock()
    redis = connect_redis(settings)
    ledger = MongoLedger(database)
    vault = CredentialsVault(settings.credentials_key)
    transport = FastTransport(timeout=timedelta(milliseconds=settings.provider_timeout_ms))
    offload = Offload(threads=2 * settings.worker_concurrency)
    store = LeadStore(database, clock)
    leads = OffloadedLeads(store, offload)
    line_store = LineStore(database)
    lines = LinePool(
        lambda workspace_id: offload.run(line_store.active, workspace_id),
        lambda line: checker_for(line, transport, vault),
        at_once=settings.availability_in_flight_per_line,
        default_rate=settings.availability_rate_per_line,
        clock_s=time.monotonic,
    )
    pacer = Pacer(redis)
    rules = CheckRules(region=settings.default_region)
    for_requests = Checker(
        leads,
        lines,
        PacerForRequests(pacer, LocalPacer(time.monotonic)),
        CheckRules(region=settings.default_region, horizon_s=_REQUEST_HORIZON_S),
    )
    broker = TucoBroker(
        redis,
        worker=f"{SERVICE}@{socket.gethostname()}:{os.getpid()}",
        lease_ms=settings.lease_ms,
        recorder=ledger,
        payload_source=ledger,
    )
    planner = Planner(store, offload, region=settings.default_region, chunk_size=settings.availability_chunk_size)
    declare(Runs(planner, Checker(leads, lines, pacer, rules), Summarizer(store, offload), clock), broker)
    return BulkAvailability(broker=broker, direct=DirectChecks(for_requests), transport=transport, offload=offload)


def build_worker(settings: Settings, queue: str) -> WorkerProcess:
    """The worker of one of the service's queues.

    Raises:
        SettingsError: a setting is wrong.
    """
    return _WORKERS[queue](settings)


def _bulk_availability_worker(settings: Settings) -> WorkerProcess:
    database = connect_mongo(settings, service=SERVICE)
    parts = build_bulk_availability(settings, database)
    return WorkerProcess(
        service=SERVICE,
        settings=settings,
        broker=parts.broker,
        queues=[BULK_AVAILABILITY.queue],
        direct={BULK_AVAILABILITY.job_type: parts.direct.run},
        missing=lambda: what_is_missing(database),
        on_stop=parts.close,
    )


def _health_check_worker(settings: Settings) -> WorkerProcess:
    database = connect_mongo(settings, service=SERVICE)
    return health_check_worker(settings, database, service=SERVICE, missing=lambda: what_is_missing(database))


def _use_fast_event_loop() -> None:
    """Provider calls cost a third of the time on uvloop; it has no Windows version."""
    if sys.platform != "win32":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


_WORKERS: Mapping[str, Callable[[Settings], WorkerProcess]] = {
    BULK_AVAILABILITY.queue: _bulk_availability_worker,
    HEALTH_CHECK.queue: _health_check_worker,
}

QUEUES = tuple(_WORKERS)
"""The queues that this service serves, each by its own processes."""

COMMAND = WorkerCommand(SERVICE, QUEUES, REQUIRED, build_worker, prepare=_use_fast_event_loop)
"""How this service's workers are started."""
