"""Webhooks and their deliveries in MongoDB, collections ``webhooks`` and ``webhookDeliveries``."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from libs.common.broker.cursors import decode_cursor, encode_cursor
from libs.common.clock import from_ms, to_ms
from libs.common.credentials import CredentialsVault
from libs.common.stores.collections import WEBHOOK_DELIVERIES, WEBHOOKS
from libs.common.stores.mongo import Document, mongo_errors
from services.gateway.webhooks.model import (
    Delivery,
    DeliveryAttempt,
    DeliveryPage,
    DeliveryStatus,
    Webhook,
    WebhookStatus,
)

DISABLED_AFTER: Final = timedelta(days=5)
"""How long a webhook may fail without one success before it is told nothing more."""

_ATTEMPTS_KEPT: Final = 20
_DUPLICATE_KEY: Final = 11000
_PLACE: Final = "deliveries"


class WebhookStore:
    """Webhooks.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
        vault: seals the secrets; asked for when first needed, as it may be missing.
    """

    def __init__(self, database: Database[Document], vault: Callable[[], CredentialsVault]) -> None:
        self._webhooks = database[WEBHOOKS]
        self._vault = vault

    def add(self, webhook: Webhook, *, secret: str) -> None:
        """Keeps a new webhook and its secret.

        Raises:
            SettingsError: CREDENTIALS_KEY is missing or malformed.
        """
        sealed = self._vault().seal({"secret": secret}, record=_record(webhook.webhook_id))
        document = {**_document(webhook), "_id": webhook.webhook_id, "secret": sealed}
        with mongo_errors():
            self._webhooks.insert_one(document)

    def all(self, workspace_id: str | None, *, limit: int = 1_000) -> list[Webhook]:
        """The webhooks, of one workspace or all."""
        wanted: Document = {} if workspace_id is None else {"workspaceId": workspace_id}
        with mongo_errors():
            return [_webhook(found) for found in self._webhooks.find(wanted).sort("_id", ASCENDING).limit(limit)]

    def active(self) -> list[Webhook]:
        """The webhooks that are told of events."""
        with mongo_errors():
            return [_webhook(found) for found in self._webhooks.find({"status": WebhookStatus.ACTIVE.value})]

    def get(self, webhook_id: str) -> Webhook | None:
        """A webhook, or ``None``."""
        with mongo_errors():
            found = self._webhooks.find_one({"_id": webhook_id})
        return _webhook(found) if found else None

    def active_with_secret(self, webhook_id: str) -> tuple[Webhook, str] | None:
        """A webhook and its secret; ``None`` where it is off or gone.

        Raises:
            CredentialsUnreadable: the secret was sealed with another key.
        """
        with mongo_errors():
            found = self._webhooks.find_one({"_id": webhook_id, "status": WebhookStatus.ACTIVE.value})
        if found is None:
            return None
        return _webhook(found), self._vault().open(found["secret"], record=_record(webhook_id))["secret"]

    def change(self, webhook_id: str, changes: Mapping[str, Any], *, unset: Sequence[str] = ()) -> Webhook | None:
        """Changes fields of a webhook, by their names in MongoDB; answers it, or ``None``."""
        update: Document = {"$set": dict(changes)} if changes else {}
        if unset:
            update["$unset"] = dict.fromkeys(unset, "")
        with mongo_errors():
            found = self._webhooks.find_one_and_update(
                {"_id": webhook_id}, update, return_document=ReturnDocument.AFTER
            )
        return _webhook(found) if found else None

    def remove(self, webhook_id: str) -> bool:
        """Forgets a webhook; answers whether there was one."""
        with mongo_errors():
            return self._webhooks.delete_one({"_id": webhook_id}).deleted_count == 1

    def succeeded(self, webhook_id: str) -> None:
        """A delivery was made: whatever failed before counts no more."""
        with mongo_errors():
            self._webhooks.update_one(
                {"_id": webhook_id, "failingSince": {"$exists": True}}, {"$unset": {"failingSince": ""}}
            )

    def failed(self, webhook_id: str, *, now: datetime, reason: str) -> bool:
        """A delivery failed; answers whether the webhook was disabled for failing too long."""
        with mongo_errors():
            self._webhooks.update_one(
                {"_id": webhook_id, "failingSince": {"$exists": False}}, {"$set": {"failingSince": now}}
            )
            too_long = {
                "_id": webhook_id,
                "status": WebhookStatus.ACTIVE.value,
                "failingSince": {"$lt": now - DISABLED_AFTER},
            }
            said = f"no delivery has succeeded for {DISABLED_AFTER.days} days; the last answer: {reason}"
            disabled = {"status": WebhookStatus.DISABLED.value, "disabledReason": said}
            return self._webhooks.update_one(too_long, {"$set": disabled}).modified_count == 1


class DeliveryStore:
    """Deliveries.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._deliveries = database[WEBHOOK_DELIVERIES]

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keeps new deliveries for good; those that are there stay as they are."""
        if not deliveries:
            return
        documents = [{**_document(each), "_id": each.delivery_id} for each in deliveries]
        with mongo_errors():
            try:
                self._deliveries.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                codes = {one["code"] for one in error.details["writeErrors"]}
                if error.details.get("writeConcernErrors") or codes - {_DUPLICATE_KEY}:
                    raise

    def get(self, delivery_id: str) -> Delivery | None:
        """A delivery, or ``None``."""
        with mongo_errors():
            found = self._deliveries.find_one({"_id": delivery_id})
        return _delivery(found) if found else None

    def of_webhook(self, webhook_id: str, *, before: str, limit: int) -> DeliveryPage:
        """The deliveries of a webhook, the latest first.

        Args:
            webhook_id: which webhook.
            before: the cursor of the page before; empty for the first.
            limit: the most to answer.

        Raises:
            InvalidInput: ``before`` is no cursor of deliveries.
        """
        wanted: Document = {"webhookId": webhook_id}
        if before:
            _, created_ms, last_id = decode_cursor(before, place=_PLACE)
            last_at = from_ms(float(created_ms))
            wanted["createdAt"] = {"$lte": last_at}
            wanted["$or"] = [{"createdAt": {"$lt": last_at}}, {"_id": {"$lt": last_id}}]
        latest_first = [("createdAt", DESCENDING), ("_id", DESCENDING)]
        with mongo_errors():
            found = [_delivery(each) for each in self._deliveries.find(wanted).sort(latest_first).limit(limit)]
        return DeliveryPage(deliveries=found, cursor=_cursor(found[-1]) if len(found) == limit else None)

    def waiting(self, *, after_id: str, older_than: datetime, limit: int) -> list[Delivery]:
        """Deliveries that are still to be made, in the order of their ids: one page."""
        wanted = {
            "status": DeliveryStatus.PENDING.value,
            "_id": {"$gt": after_id},
            "createdAt": {"$lt": older_than},
        }
        with mongo_errors():
            return [_delivery(each) for each in self._deliveries.find(wanted).sort("_id", ASCENDING).limit(limit)]

    def record(self, delivery_id: str, attempt: DeliveryAttempt, status: DeliveryStatus) -> None:
        """Notes a call and how far the delivery is after it; one that has ended stays as it is."""
        wanted = {"_id": delivery_id, "status": DeliveryStatus.PENDING.value}
        made = {**msgspec.to_builtins(attempt), "at": attempt.at}
        with mongo_errors():
            self._deliveries.update_one(
                wanted,
                {
                    "$set": {"status": status.value},
                    "$push": {"attempts": {"$each": [made], "$slice": -_ATTEMPTS_KEPT}},
                },
            )


def _cursor(last: Delivery) -> str:
    return encode_cursor([_PLACE.encode(), str(to_ms(last.created_at)).encode(), last.delivery_id.encode()])


def _record(webhook_id: str) -> str:
    return f"{WEBHOOKS}/{webhook_id}"


def _document(value: Webhook | Delivery) -> Document:
    """As MongoDB holds it: moments stay moments."""
    built: Document = msgspec.to_builtins(value, builtin_types=(datetime,))
    built.pop("webhookId" if isinstance(value, Webhook) else "deliveryId")
    return built


def _webhook(document: Document) -> Webhook:
    return msgspec.convert({**document, "webhookId": document["_id"]}, Webhook)


def _delivery(document: Document) -> Delivery:
    return msgspec.convert({**document, "deliveryId": document["_id"]}, Delivery)
