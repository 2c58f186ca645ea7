"""What the health check's worker is made of."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from pymongo.database import Database

from libs.common.broker.broker import TucoBroker
from libs.common.broker.connection import connect_redis
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault
from libs.common.jobs.health_check import HEALTH_CHECK
from libs.common.ledger.mongo import MongoLedger
from libs.common.offload import Offload
from libs.common.providers.fast_transport import FastTransport
from libs.common.providers.registry import checker_for
from libs.common.settings import Settings
from libs.common.stores.line_health import LineHealthStore
from libs.common.stores.mongo import Document
from libs.common.worker.process import WorkerProcess
from services.availability.health_check import HealthCheck, declare
from services.availability.health_probe import Probe

DEADLINE: Final = timedelta(seconds=20)
"""How long a look at one line may take in all."""


def health_check_worker(
    settings: Settings, database: Database[Document], *, service: str, missing: Callable[[], Sequence[str]]
) -> WorkerProcess:
    """The worker of the queue ``health-check``.

    Args:
        settings: the settings.
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        service: the service's name.
        missing: what the service lacks for its work.

    Raises:
        SettingsError: CREDENTIALS_KEY is missing or malformed.
    """
    ledger = MongoLedger(database)
    vault = CredentialsVault(settings.credentials_key)
    transport = FastTransport(timeout=timedelta(milliseconds=settings.provider_timeout_ms))
    offload = Offload(threads=4)
    broker = TucoBroker(
        connect_redis(settings),
        worker=f"{service}@{socket.gethostname()}:{os.getpid()}",
        lease_ms=settings.lease_ms,
        recorder=ledger,
        payload_source=ledger,
    )
    probe = Probe(lambda line: checker_for(line, transport, vault), clock=SystemClock(), deadline=DEADLINE)
    declare(HealthCheck(LineHealthStore(database), probe, offload), broker)

    def close() -> None:
        asyncio.run(transport.close())
        offload.close()

    return WorkerProcess(
        service=service,
        settings=settings,
        broker=broker,
        queues=[HEALTH_CHECK.queue],
        missing=missing,
        on_stop=close,
    )
