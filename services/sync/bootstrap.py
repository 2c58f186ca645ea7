"""What the sync worker is made of: the one place where its parts are made and joined."""

from concurrent.futures import Executor

from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault
from libs.common.ids import new_job_id
from libs.common.integration_check import INTEGRATION_CHECK
from libs.common.jobs.integration_sync import INTEGRATION_SYNC
from libs.common.settings import Settings
from libs.common.stores.integrations import IntegrationStore
from libs.common.stores.mongo import Document, connect_mongo, what_is_missing
from libs.common.stores.sync_runs import SyncRunStore
from libs.common.worker.bootstrap import broker_for
from libs.common.worker.command import WorkerCommand
from libs.common.worker.process import WorkerProcess
from services.sync.actors import declare
from services.sync.checking import IntegrationChecks
from services.sync.engine.attempt import EngineOptions, Stores
from services.sync.engine.run import SyncEngine
from services.sync.engine.threads import DaemonThreads
from services.sync.sources.factory import SourceFactory

SERVICE = "sync"
REQUIRED = ("REDIS_URL", "MONGODB_URI", "CREDENTIALS_KEY")
QUEUES = (INTEGRATION_SYNC.queue,)
"""The queues that this service serves, each by its own processes."""


def build_engine(settings: Settings, database: Database[Document], threads: Executor) -> SyncEngine:
    """The engine on real stores and CRMs; nothing is contacted until a job runs.

    Raises:
        SettingsError: CREDENTIALS_KEY is missing or malformed.
    """
    clock = SystemClock()
    integrations = IntegrationStore(database, CredentialsVault(settings.credentials_key))
    return SyncEngine(
        Stores(database=database, integrations=integrations, runs=SyncRunStore(database)),
        SourceFactory(integrations, clock=clock),
        options=EngineOptions(default_region=settings.default_region),
        clock=clock,
        threads=threads,
        new_owner=new_job_id,
    )


def build_checks(settings: Settings, database: Database[Document], threads: Executor) -> IntegrationChecks:
    """What checks integrations at once; nothing is contacted until one is asked for.

    Raises:
        SettingsError: CREDENTIALS_KEY is missing or malformed.
    """
    clock = SystemClock()
    integrations = IntegrationStore(database, CredentialsVault(settings.credentials_key))
    sources = SourceFactory(integrations, clock=clock)
    return IntegrationChecks(integrations, sources, clock=clock, threads=threads, new_owner=new_job_id)


def build_worker(settings: Settings, queue: str) -> WorkerProcess:
    """The worker of one of the service's queues.

    Raises:
        SettingsError: a setting is wrong.
    """
    database = connect_mongo(settings, service=SERVICE)
    broker = broker_for(settings, database, service=SERVICE)
    threads = DaemonThreads()
    declare(build_engine(settings, database, threads), broker)
    return WorkerProcess(
        service=SERVICE,
        settings=settings,
        broker=broker,
        queues=[queue],
        direct={INTEGRATION_CHECK: build_checks(settings, database, threads).run},
        missing=lambda: what_is_missing(database),
    )


COMMAND = WorkerCommand(SERVICE, QUEUES, REQUIRED, build_worker)
"""How this service's workers are started."""
