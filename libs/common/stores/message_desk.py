"""What people and providers say about messages: decisions of a person, reports of a provider, stops, questions.

Everything that sends is in :mod:`libs.common.stores.messages`; nothing here leads to a call of a provider except by a
person's explicit word (:meth:`MessageDesk.resolve` with ``resend``).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from bson import ObjectId
from pymongo import DESCENDING, ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from libs.common.messages.model import Message
from libs.common.messages.reasons import Reason
from libs.common.messages.states import MessageStatus
from libs.common.messages.stops import StopScope
from libs.common.stores.collections import MESSAGES
from libs.common.stores.ids import either_form
from libs.common.stores.message_documents import message_of
from libs.common.stores.mongo import Document, mongo_errors

_S = MessageStatus
_NOW: Final = "$$NOW"


class Resolution(StrEnum):
    """What a person may decide about a message of which nobody knows whether it went out, or that has failed."""

    RESEND = "resend"
    MARK_SENT = "mark-sent"
    MARK_FAILED = "mark-failed"


_RESOLUTIONS: Final[Mapping[Resolution, tuple[frozenset[MessageStatus], MessageStatus]]] = {
    Resolution.RESEND: (frozenset({_S.UNCERTAIN, _S.FAILED}), _S.QUEUED),
    Resolution.MARK_SENT: (frozenset({_S.UNCERTAIN}), _S.SENT),
    Resolution.MARK_FAILED: (frozenset({_S.UNCERTAIN}), _S.FAILED),
}
"""From where each decision may be taken, and where it leads."""


class CampaignState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a campaign is.

    Args:
        by_status: how many messages are where.
        by_reason: of those that wait, how many for what.
        promised_until: the latest moment that one of them was promised.
        unpromised: how many wait without a moment of their own.
    """

    by_status: Mapping[str, int]
    by_reason: Mapping[str, int]
    promised_until: datetime | None
    unpromised: int


class MessageDesk:
    """Decisions, reports and questions.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._messages = database[MESSAGES]

    def find(self, message_id: str) -> Message | None:
        """A message by its id."""
        with mongo_errors():
            found = self._messages.find_one({"_id": ObjectId(message_id)})
        return message_of(found) if found else None

    def resolve(self, message_id: str, resolution: Resolution, *, by: str) -> Message | None:
        """Carries out a person's decision; ``None`` where the message is not in a state to decide about.

        Args:
            message_id: which message.
            resolution: what is decided.
            by: who decides, for the record.
        """
        sources, status = _RESOLUTIONS[resolution]
        changes: Document = {
            "status": status.value,
            "reason": Reason.RESOLVED.value,
            "resolvedBy": {"$literal": by},
            "resolvedAt": _NOW,
        }
        unset: tuple[str, ...] = ("notBefore", "promised")
        if resolution is Resolution.RESEND:
            unset += ("dispatchedAt", "dispatchedBy", "absentSince", "unheardSince", "error", "leftInHand")
        if resolution is Resolution.MARK_SENT:
            changes["sentAt"] = {"$ifNull": ["$dispatchedAt", _NOW]}
        wanted = {"_id": ObjectId(message_id), "status": {"$in": [source.value for source in sources]}}
        return self._change(wanted, changes, unset)

    def cancel(self, message_id: str) -> Message | None:
        """Cancels a message that nobody has begun to send; ``None`` where it is too late."""
        early = [_S.DRAFT.value, _S.SCHEDULED.value, _S.QUEUED.value]
        wanted = {"_id": ObjectId(message_id), "status": {"$in": early}}
        return self._change(
            wanted, {"status": _S.CANCELLED.value, "reason": Reason.CANCELLED.value}, ("notBefore", "promised")
        )

    def uncertain(self, workspace_id: str | None, *, limit: int) -> list[Message]:
        """Messages that wait for a person, the latest first; of one workspace or of all."""
        with mongo_errors():
            found = self._messages.find(_uncertain(workspace_id)).sort("updatedAt", DESCENDING).limit(limit)
            return [message_of(document) for document in found]

    def count_uncertain(self, workspace_id: str | None, *, most: int) -> int:
        """How many messages wait for a person, up to ``most``; of one workspace or of all."""
        # The order makes the index of the waiting ones serve, which a condition on the status alone would not.
        steps: list[Document] = [
            {"$match": _uncertain(workspace_id)},
            {"$sort": {"updatedAt": DESCENDING}},
            {"$limit": most},
            {"$count": "messages"},
        ]
        with mongo_errors():
            return sum(found["messages"] for found in self._messages.aggregate(steps))

    def campaign(self, workspace_id: str, campaign_id: str, *, now: datetime) -> CampaignState:
        """How far a campaign is."""
        wanted = {"workspaceId": workspace_id, "campaignId": {"$in": either_form(campaign_id)}}
        promised = {"$and": [{"$eq": ["$promised", True]}, {"$gt": ["$notBefore", now]}]}
        waits = {"$in": ["$status", [_S.SCHEDULED.value, _S.QUEUED.value, _S.SENDING.value]]}
        groups: list[Document] = [
            {"$match": wanted},
            {
                "$group": {
                    "_id": {"status": "$status", "reason": {"$cond": [waits, {"$ifNull": ["$reason", None]}, None]}},
                    "messages": {"$sum": 1},
                    "promisedUntil": {"$max": {"$cond": [promised, "$notBefore", None]}},
                    "unpromised": {"$sum": {"$cond": [{"$and": [waits, {"$not": [promised]}]}, 1, 0]}},
                }
            },
        ]
        by_status: dict[str, int] = {}
        by_reason: dict[str, int] = {}
        unpromised, promised_until = 0, None
        with mongo_errors():
            for group in self._messages.aggregate(groups):
                key, count = group["_id"], group["messages"]
                by_status[key["status"]] = by_status.get(key["status"], 0) + count
                if key.get("reason"):
                    by_reason[key["reason"]] = by_reason.get(key["reason"], 0) + count
                unpromised += group["unpromised"]
                latest = [moment for moment in (promised_until, group["promisedUntil"]) if moment is not None]
                promised_until = max(latest, default=None)
        return CampaignState(
            by_status=by_status, by_reason=by_reason, promised_until=promised_until, unpromised=unpromised
        )

    def went_out(self, message_id: str, *, line_id: str, provider_message_id: str) -> bool:
        """A provider reports one of our messages as sent; answers whether that was news.

        It is taken only for a message that was marked for that line, and proves what became of it.
        """
        wanted = {
            "_id": ObjectId(message_id),
            "lineId": {"$in": either_form(line_id)},
            "status": {"$in": [_S.QUEUED.value, _S.SENDING.value, _S.UNCERTAIN.value]},
            "clientReference": {"$exists": True},
        }
        sent = {
            "status": _S.SENT.value,
            "providerMessageId": {"$literal": provider_message_id},
            "sentAt": {"$ifNull": ["$dispatchedAt", _NOW]},
        }
        try:
            return self._change(wanted, sent, ("lease", "notBefore", "reason", "error", "promised")) is not None
        except DuplicateKeyError:
            return False

    def delivered(self, *, line_id: str, provider_message_id: str, at: datetime | None) -> bool:
        """A provider reports a message as delivered; answers whether that was news."""
        delivered = {"status": _S.DELIVERED.value, "deliveredAt": at or _NOW}
        return self._change(_reported(line_id, provider_message_id), delivered, ()) is not None

    def failed_after_all(self, *, line_id: str, provider_message_id: str, error: str) -> bool:
        """A provider reports that a message it took was not delivered; answers whether that was news."""
        failed = {
            "status": _S.FAILED.value,
            "reason": Reason.PROVIDER_REFUSED.value,
            "error": {"$literal": error},
        }
        return self._change(_reported(line_id, provider_message_id), failed, ()) is not None

    def wake(self, scope: StopScope, workspace_id: str, target: str, reason: str, *, limit: int) -> list[str]:
        """Lets messages that wait under a stop look again at once; answers their jobs' ids.

        Args:
            scope: what the stop was for.
            workspace_id: in which workspace.
            target: which line, campaign or recipient.
            reason: the reason that its messages have.
            limit: how many jobs to answer; further messages look again by themselves.
        """
        wanted = {
            "workspaceId": workspace_id,
            "status": _S.QUEUED.value,
            "reason": reason,
            **_target_of(scope, target, waiting=True),
        }
        with mongo_errors():
            jobs = [
                found["jobId"] for found in self._messages.find(wanted, {"jobId": 1}).limit(limit) if found.get("jobId")
            ]
            self._messages.update_many(wanted, [{"$set": {"notBefore": _NOW, "updatedAt": _NOW}}])
        return jobs

    def cancel_waiting(self, scope: StopScope, workspace_id: str, target: str, reason: str) -> int:
        """Cancels what a stop is for and nobody has begun to send; answers how many."""
        wanted = {
            "workspaceId": workspace_id,
            "status": {"$in": [_S.SCHEDULED.value, _S.QUEUED.value]},
            **_target_of(scope, target, waiting=False),
        }
        cancelled = {"status": _S.CANCELLED.value, "reason": reason, "updatedAt": _NOW}
        with mongo_errors():
            return self._messages.update_many(
                wanted, [{"$set": cancelled}, {"$unset": ["notBefore", "promised"]}]
            ).modified_count

    def _change(self, wanted: Document, changes: Mapping[str, Any], unset: Sequence[str]) -> Message | None:
        update: list[Document] = [{"$set": {**changes, "updatedAt": _NOW}}]
        if unset:
            update.append({"$unset": list(unset)})
        with mongo_errors():
            changed = self._messages.find_one_and_update(wanted, update, return_document=ReturnDocument.AFTER)
        return message_of(changed) if changed else None


def _uncertain(workspace_id: str | None) -> Document:
    wanted: Document = {"status": _S.UNCERTAIN.value}
    return wanted if workspace_id is None else {**wanted, "workspaceId": workspace_id}


def _reported(line_id: str, provider_message_id: str) -> Document:
    return {
        "lineId": {"$in": either_form(line_id)},
        "providerMessageId": {"$eq": provider_message_id, "$type": "string"},
        "status": _S.SENT.value,
    }


def _target_of(scope: StopScope, target: str, *, waiting: bool) -> Document:
    if scope is StopScope.CAMPAIGN:
        return {"campaignId": {"$in": either_form(target)}}
    if scope is StopScope.RECIPIENT:
        return {"to": target}
    if scope is StopScope.LINE and not waiting:
        return {"lineId": {"$in": either_form(target)}}
    return {}
