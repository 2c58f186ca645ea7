"""Messages that failed or were cancelled, found page by page and queued again: only those that never went out.

A message that was marked for its provider (``dispatchedAt``), or that a provider has named, went out or may have; it is
left to a person (:meth:`libs.common.stores.message_desk.MessageDesk.resolve`).
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from bson import ObjectId
from pymongo import ASCENDING
from pymongo.database import Database

from libs.common.jobs.message_replay import MessageReplay, Replayed
from libs.common.messages.states import MessageStatus
from libs.common.stores.collections import MESSAGES
from libs.common.stores.ids import either_form
from libs.common.stores.message_indexes import REPLAYABLE_CANCELLED, REPLAYABLE_FAILED
from libs.common.stores.mongo import Document, mongo_errors

MOST_COUNTED: Final = 20_000
"""How many of a workspace's messages are looked at for a count."""

_INDEX: Final = {Replayed.FAILED: REPLAYABLE_FAILED, Replayed.CANCELLED: REPLAYABLE_CANCELLED}
_NEVER_OUT: Final[Document] = {
    "dispatchedAt": {"$exists": False},
    "providerMessageId": {"$exists": False},
    "sentAt": {"$exists": False},
}
_FROM_ANEW: Final = ("reason", "error", "notBefore", "promised", "lease", "leftInHand", "jobId")


class ReplayCount(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many messages a filter means.

    Args:
        count: how many would be queued again; at least so many where that is not exact.
        exact: whether there are no more.
        left_out: how many fit the filter but went out, or may have.
        sample: the ids of some that would be queued again.
    """

    count: int
    exact: bool
    left_out: int
    sample: Sequence[str]


class MessageReplayStore:
    """Finds messages and queues them again.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._messages = database[MESSAGES]

    def count(self, order: MessageReplay, *, sample: int) -> ReplayCount:
        """How many messages the order means; looks at :data:`MOST_COUNTED` at most.

        Args:
            order: which messages.
            sample: how many ids to name.
        """
        never_out = {"$and": [{"$eq": [{"$type": f"${name}"}, "missing"]} for name in _NEVER_OUT]}
        fit: list[Document] = [{"$match": _further(order)}, {"$group": {"_id": never_out, "n": {"$sum": 1}}}]
        some: list[Document] = [
            {"$match": {**_further(order), **_NEVER_OUT}},
            {"$limit": max(1, sample)},
            {"$project": {"_id": True}},
        ]
        counted: list[Document] = [
            {"$match": _indexed(order)},
            {"$sort": {"_id": ASCENDING}},
            {"$limit": MOST_COUNTED},
            {"$facet": {"seen": [{"$count": "n"}], "fit": fit, "some": some}},
        ]
        with mongo_errors():
            (found,) = self._messages.aggregate(counted, hint=_INDEX[order.filter.status])
        by_fate = {group["_id"]: group["n"] for group in found["fit"]}
        seen = found["seen"][0]["n"] if found["seen"] else 0
        return ReplayCount(
            count=by_fate.get(True, 0),
            exact=seen < MOST_COUNTED,
            left_out=by_fate.get(False, 0),
            sample=[str(each["_id"]) for each in found["some"][:sample]],
        )

    def page(self, order: MessageReplay, *, after: str, limit: int) -> list[str]:
        """The ids of messages that the order means, in their order: one page.

        Args:
            order: which messages.
            after: the last id of the page before; empty for the first page.
            limit: the most to answer.
        """
        wanted = {**_indexed(order), **_further(order), **_NEVER_OUT}
        if after:
            wanted["_id"] = {"$gt": ObjectId(after)}
        with mongo_errors():
            found = self._messages.find(wanted, {"_id": True}, hint=_INDEX[order.filter.status])
            return [str(each["_id"]) for each in found.sort("_id", ASCENDING).limit(limit)]

    def queue_again(self, order: MessageReplay, message_ids: Sequence[str], *, by: str) -> list[str]:
        """Queues those of these messages that are still as the order means them; answers their ids.

        What a provider would recognise a message by stays: it is made from the message's id, which stays.

        Args:
            order: which messages.
            message_ids: a page of them.
            by: the job that does it, for the record.
        """
        ids = [ObjectId(message_id) for message_id in message_ids]
        # The whole filter once more: since the page was read, another replay may have queued one, and it failed anew.
        wanted = {"_id": {"$in": ids}, **_indexed(order), **_further(order), **_NEVER_OUT}
        queued = {
            "status": MessageStatus.QUEUED.value,
            "replayedBy": {"$literal": by},
            "replayedAt": "$$NOW",
            "updatedAt": "$$NOW",
        }
        with mongo_errors():
            self._messages.update_many(wanted, [{"$set": queued}, {"$unset": list(_FROM_ANEW)}])
            # Those too that an earlier attempt of this job queued, whose jobs may not have been enqueued.
            mine = {"_id": {"$in": ids}, "status": MessageStatus.QUEUED.value, "replayedBy": by}
            return [str(each["_id"]) for each in self._messages.find(mine, {"_id": True})]


def _indexed(order: MessageReplay) -> Document:
    return {"workspaceId": order.workspace_id, "status": order.filter.status.value}


def _further(order: MessageReplay) -> Document:
    which = order.filter
    wanted: Document = {}
    if which.campaign_id is not None:
        wanted["campaignId"] = {"$in": either_form(which.campaign_id)}
    if which.line_id is not None:
        wanted["lineId"] = {"$in": either_form(which.line_id)}
    if which.reason is not None:
        wanted["reason"] = which.reason
    if which.error:
        wanted["error"] = {"$regex": re.escape(which.error), "$options": "i"}
    changed: dict[str, Any] = {"$lte": order.as_of}
    if which.changed_after is not None:
        changed["$gt"] = which.changed_after
    if which.changed_before is not None:
        changed["$lt"] = which.changed_before
    return {**wanted, "updatedAt": changed}
