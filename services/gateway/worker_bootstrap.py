"""What the gateway's own worker is made of: ``python -m services.gateway --queue operations``."""

from collections.abc import Mapping
from typing import Any, Final

from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.ids import new_job_id
from libs.common.jobs.bulk_action import BULK_ACTION
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from libs.common.jobs.registry import queues as queue_names
from libs.common.jobs.webhook_delivery import WEBHOOK_DELIVERY
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Settings
from libs.common.stores.message_replay import MessageReplayStore
from libs.common.stores.mongo import connect_mongo, what_is_missing
from libs.common.worker.bootstrap import broker_for
from libs.common.worker.command import WorkerCommand
from libs.common.worker.process import WorkerProcess
from services.gateway.actors import declare_bulk, declare_replays
from services.gateway.bootstrap import QUEUES, REQUIRED
from services.gateway.bulk.deeds import Deeds
from services.gateway.bulk.running import BulkRuns
from services.gateway.replay.running import Replays
from services.gateway.webhooks.bootstrap import webhook_worker

SERVICE: Final = "gateway"


def build_worker(settings: Settings, queue: str) -> WorkerProcess:
    """The worker of the queue of operations; nothing is contacted until it runs.

    Raises:
        SettingsError: a setting is wrong.
    """
    clock = SystemClock()
    database = connect_mongo(settings, service=SERVICE)
    broker = broker_for(settings, database, service=SERVICE)
    queues = {name: JobQueue(broker.redis, name) for name in queue_names()}

    def progress_of(job_id: str) -> Mapping[str, Any] | None:
        view = queues[BULK_ACTION.queue].get(job_id)
        return view.progress if view else None

    replays = Replays(
        MessageReplayStore(database),
        queues[MESSAGE_PROCESSING.queue],
        progress_of,
        clock=clock,
        new_id=new_job_id,
    )
    declare_replays(replays, broker)
    declare_bulk(BulkRuns(queues, Deeds(MongoLedger(database), clock=clock), progress_of, clock=clock), broker)
    feed = webhook_worker(settings, database, broker, queues[WEBHOOK_DELIVERY.queue])
    return WorkerProcess(
        service=SERVICE,
        settings=settings,
        broker=broker,
        queues=[queue],
        missing=lambda: what_is_missing(database),
        on_start=feed.start,
        on_stop=feed.stop,
    )


COMMAND: Final = WorkerCommand(SERVICE, QUEUES, REQUIRED, build_worker)
"""How the gateway's workers are started."""
