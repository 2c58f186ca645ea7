"""What webhooks are made of, for the gateway and for its worker."""

from functools import partial

from pymongo.database import Database

from libs.common.broker.actors import JobBroker
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault
from libs.common.ids import new_job_id
from libs.common.settings import Settings
from libs.common.stores.locks import LockStore
from libs.common.stores.mongo import Document
from services.gateway.actors import declare_deliveries
from services.gateway.webhooks.delivering import Deliveries, HttpCaller
from services.gateway.webhooks.desk import WebhookDesk
from services.gateway.webhooks.feed import DeliveringQueue, FeedThread, WebhookFeed
from services.gateway.webhooks.store import DeliveryStore, WebhookStore


def webhook_desk(settings: Settings, database: Database[Document], queue: DeliveringQueue) -> WebhookDesk:
    """What the routes call.

    Args:
        settings: the settings.
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        queue: the queue of operations.
    """
    return WebhookDesk(
        _webhooks(settings, database),
        DeliveryStore(database),
        queue,
        inside_too=_may_call_inside(settings),
        clock=SystemClock(),
        new_id=new_job_id,
    )


def webhook_worker(
    settings: Settings, database: Database[Document], broker: JobBroker, queue: DeliveringQueue
) -> FeedThread:
    """Declares the actor that delivers; answers the thread that makes deliveries, not started yet.

    Args:
        settings: the settings.
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        broker: the worker's.
        queue: the queue of operations.
    """
    clock = SystemClock()
    webhooks, deliveries = _webhooks(settings, database), DeliveryStore(database)
    call = HttpCaller(inside_too=_may_call_inside(settings), clock=clock)
    declare_deliveries(Deliveries(webhooks, deliveries, call, clock=clock), broker)
    return FeedThread(WebhookFeed(database, webhooks, deliveries, queue, clock=clock), LockStore(database))


def _webhooks(settings: Settings, database: Database[Document]) -> WebhookStore:
    return WebhookStore(database, partial(CredentialsVault, settings.credentials_key))


def _may_call_inside(settings: Settings) -> bool:
    return settings.environment == "dev"
