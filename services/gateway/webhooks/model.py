"""Webhooks, events and deliveries, as typed data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class EventType(StrEnum):
    """What may be told to a webhook."""

    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_UNCERTAIN = "message.uncertain"
    MESSAGE_CANCELLED = "message.cancelled"


TEST_EVENT = "webhook.test"
"""The type of the event that a person asks for to see whether a webhook works."""


class WebhookStatus(StrEnum):
    """Whether a webhook is told of events."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Webhook(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A webhook without its secret.

    Args:
        webhook_id: its identity.
        url: what is called.
        events: of what it is told.
        workspace_id: only of this workspace's; of every one where none is named.
        status: whether it is told.
        disabled_reason: why not.
        failing_since: when the deliveries that are failing now began to.
        created_at: when it was made; it is told of what happens from then on.
        told_from: when it was switched on again; it is told of nothing that happened while it was off.
    """

    webhook_id: str
    url: str
    events: tuple[EventType, ...]
    workspace_id: str | None = None
    status: WebhookStatus
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    created_at: datetime
    told_from: datetime | None = None

    @property
    def told_since(self) -> datetime:
        """What happens from then on it is told of; to the second, as the moments of events are."""
        return (self.told_from or self.created_at).replace(microsecond=0)

    def wants(self, event: "Event") -> bool:
        """Whether it is to be told of an event."""
        return (
            self.status is WebhookStatus.ACTIVE
            and event.type in self.events
            and self.workspace_id in (None, event.workspace_id)
            and event.at >= self.told_since
        )


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened.

    Args:
        token: tells this event from every other, the same however often it is read.
        type: what.
        at: when.
        workspace_id: in which workspace.
        data: to what, for the app.
    """

    token: str
    type: EventType
    at: datetime
    workspace_id: str
    data: Mapping[str, Any]


class DeliveryStatus(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One call.

    Args:
        at: when.
        status: the HTTP status that came back.
        error: what went wrong.
        duration_ms: how long it took.
    """

    at: datetime
    status: int | None = None
    error: str | None = None
    duration_ms: int = 0


class Delivery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An event on its way to a webhook.

    Args:
        delivery_id: its identity, and its job's.
        webhook_id: to which webhook.
        type: of what kind the event is.
        body: what is sent, to the byte.
        status: how far it is.
        attempts: the last calls.
        created_at: when the event was noticed.
        workspace_id: whose event it is.
    """

    delivery_id: str
    webhook_id: str
    type: str
    body: str
    status: DeliveryStatus
    attempts: Sequence[DeliveryAttempt] = ()
    created_at: datetime
    workspace_id: str = ""


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries, the latest first.

    Args:
        deliveries: the deliveries.
        cursor: asks for those before them; ``None`` where there are none.
    """

    deliveries: Sequence[Delivery]
    cursor: str | None


def body_of(event_type: str, at: datetime, data: Mapping[str, Any]) -> str:
    """What is sent of an event, in the form that Standard Webhooks recommends."""
    return msgspec.json.encode({"type": event_type, "timestamp": at, "data": data}).decode()
