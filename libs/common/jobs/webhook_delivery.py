"""`webhook-delivery`: tell the app's webhook of one event, as often as it takes.

A delivery is a document in ``webhookDeliveries`` before it is a job, so its job can be made again from there.
"""

from datetime import timedelta

from libs.common.jobs.bulk_action import QUEUE
from libs.common.jobs.contract import Backoff, JobContract, Origin, Payload, Retention
from libs.common.jobs.fields import NonEmptyText


class WebhookDelivery(Payload, frozen=True, kw_only=True):
    """The delivery to make, and whose turn it uses; empty for a webhook of the whole installation."""

    delivery_id: NonEmptyText
    workspace_id: str = ""


WEBHOOK_DELIVERY = JobContract(
    job_type="webhook-delivery",
    queue=QUEUE,
    payload=WebhookDelivery,
    origin=Origin.DERIVED,
    # Pauses of up to 5 s, 10 s, 20 s ... 6 h: about a day in all.
    max_attempts=16,
    backoff=Backoff(first=timedelta(seconds=5), longest=timedelta(hours=6)),
    time_limit=timedelta(minutes=1),
    retention=Retention(count=0),
    workspace=lambda payload: payload.workspace_id,
)
