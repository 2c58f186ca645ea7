"""What the gateway's own worker listens to: what people order through it and is too long for a request."""

from typing import Any

from libs.common.broker.actors import JobBroker, JobContext, job_actor
from libs.common.jobs.bulk_action import BULK_ACTION, BulkOrder
from libs.common.jobs.message_replay import MESSAGE_REPLAY, MessageReplay
from libs.common.jobs.webhook_delivery import WEBHOOK_DELIVERY, WebhookDelivery
from services.gateway.bulk.running import BulkRuns
from services.gateway.replay.running import Replays
from services.gateway.webhooks.delivering import Deliveries


def declare_bulk(runs: BulkRuns, broker: JobBroker) -> None:
    """Makes the broker run bulk actions here."""

    @job_actor(BULK_ACTION, broker=broker)
    async def act(order: BulkOrder, job: JobContext) -> dict[str, Any]:
        return await runs.run(order, job)


def declare_replays(replays: Replays, broker: JobBroker) -> None:
    """Makes the broker run replays here."""

    @job_actor(MESSAGE_REPLAY, broker=broker)
    async def replay(order: MessageReplay, job: JobContext) -> dict[str, Any]:
        return await replays.run(order, job)


def declare_deliveries(deliveries: Deliveries, broker: JobBroker) -> None:
    """Makes the broker tell webhooks here."""

    @job_actor(WEBHOOK_DELIVERY, broker=broker)
    async def deliver(payload: WebhookDelivery, job: JobContext) -> None:
        await deliveries.deliver(payload, job)
