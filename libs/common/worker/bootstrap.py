"""Makes what every worker process needs, in one place that reads like a list."""

import os

from pymongo.database import Database

from libs.common.broker.broker import TucoBroker, default_middleware
from libs.common.broker.connection import connect_redis
from libs.common.broker.settlement import worker_name
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Settings
from libs.common.stores.mongo import Document


def broker_for(settings: Settings, database: Database[Document], *, service: str) -> TucoBroker:
    """The broker of a worker process, with the ledger behind it.

    Args:
        settings: gives Redis's address and the lease.
        database: where the ledger is.
        service: the service's name, shown beside the jobs that this process holds.
    """
    ledger = MongoLedger(database)
    return TucoBroker(
        connect_redis(settings),
        worker=worker_name(service, os.getpid()),
        middleware=default_middleware(),
        lease_ms=settings.lease_ms,
        recorder=ledger,
        payload_source=ledger,
    )
