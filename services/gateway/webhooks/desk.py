"""What callers do with webhooks: make, change, try out and remove them, and look at what was delivered."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec
from werkzeug.exceptions import Conflict, NotFound, ServiceUnavailable

from libs.common.clock import Clock
from libs.common.errors import InvalidInput, SettingsError, StoreUnavailable
from libs.common.ids import IdFactory
from libs.common.jobs.fields import NonEmptyText
from libs.common.logging import get_logger
from services.gateway.webhooks.feed import DeliveringQueue, job_of
from services.gateway.webhooks.guard import check_url
from services.gateway.webhooks.model import (
    TEST_EVENT,
    Delivery,
    DeliveryPage,
    DeliveryStatus,
    EventType,
    Webhook,
    WebhookStatus,
    body_of,
)
from services.gateway.webhooks.signing import new_secret
from services.gateway.webhooks.store import DeliveryStore, WebhookStore

log = get_logger(__name__)

MOST_WEBHOOKS: Final = 50
"""How many webhooks a workspace, or the installation beside its workspaces, may have."""

Events = Annotated[tuple[EventType, ...], msgspec.Meta(min_length=1, max_length=len(EventType))]


class WebhookOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook to make.

    Args:
        url: what to call: an ``https://`` address of a public server.
        events: of what to tell it.
        workspace_id: only of this workspace's; of every one where none is named.
    """

    url: str
    events: Events
    workspace_id: NonEmptyText | None = None


class WebhookChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What to change of a webhook; what is left out stays as it is.

    Args:
        url: what to call.
        events: of what to tell it.
        status: ``active`` or ``disabled``.
    """

    url: str | None = None
    events: Events | None = None
    status: WebhookStatus | None = None


class NewWebhook(Webhook, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A webhook that was made, with its secret, which is shown this once."""

    secret: str


class WebhookDesk:
    """Answers and decides.

    Args:
        webhooks: where webhooks are kept.
        deliveries: where deliveries are kept.
        queue: carries deliveries.
        inside_too: whether plain HTTP and addresses inside are allowed, as on a developer's machine.
        clock: tells the time.
        new_id: makes ids.
        make_secret: makes secrets.
    """

    def __init__(
        self,
        webhooks: WebhookStore,
        deliveries: DeliveryStore,
        queue: DeliveringQueue,
        *,
        inside_too: bool,
        clock: Clock,
        new_id: IdFactory,
        make_secret: Callable[[], str] = new_secret,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._queue = queue
        self._inside_too = inside_too
        self._clock = clock
        self._new_id = new_id
        self._make_secret = make_secret

    def all(self, workspace_id: str | None) -> Sequence[Webhook]:
        """The webhooks of a workspace, or all.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return self._webhooks.all(workspace_id)

    def get(self, webhook_id: str, *, bound_to: str | None) -> Webhook:
        """A webhook that a caller may see.

        Raises:
            NotFound: there is none, or it is not the caller's workspace's.
            StoreUnavailable: MongoDB is away.
        """
        found = self._webhooks.get(webhook_id)
        if found is None or bound_to not in (None, found.workspace_id):
            raise NotFound(f"There is no webhook {webhook_id[:80]!r}.")
        return found

    def make(self, order: WebhookOrder) -> NewWebhook:
        """Makes a webhook.

        Raises:
            InvalidInput: its address is one that no webhook may have.
            Conflict: there are as many as there may be.
            ServiceUnavailable: secrets cannot be kept, because CREDENTIALS_KEY is missing.
            StoreUnavailable: MongoDB is away.
        """
        check_url(order.url, inside_too=self._inside_too)
        peers = [each for each in self._webhooks.all(order.workspace_id) if each.workspace_id == order.workspace_id]
        if len(peers) >= MOST_WEBHOOKS:
            raise Conflict(f"There are {MOST_WEBHOOKS} webhooks, and may be no more; remove one.")
        webhook = Webhook(
            webhook_id=self._new_id(),
            url=order.url,
            events=tuple(dict.fromkeys(order.events)),
            workspace_id=order.workspace_id,
            status=WebhookStatus.ACTIVE,
            created_at=self._clock.now(),
        )
        secret = self._make_secret()
        try:
            self._webhooks.add(webhook, secret=secret)
        except SettingsError as error:
            raise ServiceUnavailable(f"The webhook's secret cannot be kept: {error}") from error
        log.info("webhook.made", webhook_id=webhook.webhook_id, workspace_id=webhook.workspace_id)
        return NewWebhook(**msgspec.structs.asdict(webhook), secret=secret)

    def change(self, webhook_id: str, change: WebhookChange, *, bound_to: str | None) -> Webhook:
        """Changes a webhook; one that is switched on again starts with no failures, and with what happens from now on.

        Raises:
            InvalidInput: its address is one that no webhook may have, or nothing is to be changed.
            NotFound: there is none that the caller may see.
            StoreUnavailable: MongoDB is away.
        """
        before = self.get(webhook_id, bound_to=bound_to)
        if change.url is not None:
            check_url(change.url, inside_too=self._inside_too)
        changes: dict[str, Any] = {
            name: msgspec.to_builtins(value)
            for name, value in (("url", change.url), ("events", change.events), ("status", change.status))
            if value is not None
        }
        if not changes:
            raise InvalidInput("body", "changes nothing; name url, events or status")
        again = change.status is WebhookStatus.ACTIVE
        if again and before.status is not WebhookStatus.ACTIVE:
            changes["toldFrom"] = self._clock.now()
        found = self._webhooks.change(webhook_id, changes, unset=("failingSince", "disabledReason") if again else ())
        if found is None:
            raise NotFound(f"There is no webhook {webhook_id[:80]!r}.")
        return found

    def remove(self, webhook_id: str, *, bound_to: str | None) -> Webhook:
        """Forgets a webhook; what is on its way to it is given up.

        Raises:
            NotFound: there is none that the caller may see.
            StoreUnavailable: MongoDB is away.
        """
        found = self.get(webhook_id, bound_to=bound_to)
        self._webhooks.remove(webhook_id)
        return found

    def test(self, webhook_id: str, *, bound_to: str | None) -> Delivery:
        """Tells a webhook of an event that is none, by the way of all others.

        Raises:
            NotFound: there is none that the caller may see.
            Conflict: it is off.
            StoreUnavailable: a store is away.
        """
        webhook = self.get(webhook_id, bound_to=bound_to)
        if webhook.status is not WebhookStatus.ACTIVE:
            raise Conflict("The webhook is off; switch it on first.")
        now = self._clock.now()
        delivery = Delivery(
            delivery_id=self._new_id(),
            webhook_id=webhook_id,
            type=TEST_EVENT,
            body=body_of(TEST_EVENT, now, {"webhookId": webhook_id}),
            status=DeliveryStatus.PENDING,
            created_at=now,
            workspace_id=webhook.workspace_id or "",
        )
        self._deliveries.add([delivery])
        try:
            self._queue.add([job_of(delivery)])
        except StoreUnavailable as error:
            log.warning("webhooks.left_to_sweep", deliveries=1, error=error.reason)
        return delivery

    def deliveries(self, webhook_id: str, *, bound_to: str | None, before: str, limit: int) -> DeliveryPage:
        """What was, or is to be, delivered to a webhook, the latest first.

        Raises:
            NotFound: there is none that the caller may see.
            InvalidInput: ``before`` is no cursor of deliveries.
            StoreUnavailable: MongoDB is away.
        """
        self.get(webhook_id, bound_to=bound_to)
        return self._deliveries.of_webhook(webhook_id, before=before, limit=limit)
