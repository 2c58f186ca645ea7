"""Which messages need a job: those whose time has come, and those whose job may be lost.

Both are read in batches by an index that holds only them, so a batch costs the same however many messages there are.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from bson import ObjectId
from pymongo import ASCENDING
from pymongo.database import Database

from libs.common.messages.reasons import Reason
from libs.common.messages.states import MessageStatus
from libs.common.stores.collections import MESSAGES
from libs.common.stores.message_indexes import DUE, QUEUED, SENDING
from libs.common.stores.mongo import Document, mongo_errors

_S = MessageStatus


class JobLess(msgspec.Struct, frozen=True):
    """A message that needs a job.

    Args:
        message_id: its id.
        workspace_id: whose it is.
        not_before: when it is tried next, where it waits.
        due_at: when its time came.
    """

    message_id: str
    workspace_id: str
    not_before: datetime | None = None
    due_at: datetime | None = None


class Page(msgspec.Struct, frozen=True):
    """A part of what was asked for.

    Args:
        messages: those that need a job.
        after: where the next page begins; ``None`` where there is no more.
    """

    messages: Sequence[JobLess]
    after: str | None


class DueMessageStore:
    """Finds messages that need a job.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._messages = database[MESSAGES]

    def due(self, now: datetime, *, limit: int) -> list[JobLess]:
        """Scheduled messages whose time has come, oldest first."""
        with mongo_errors():
            found = self._messages.find(_due(now), _FIELDS, hint=DUE, batch_size=limit + 1)
            return [_job_less(document) for document in found.sort("scheduledAt", ASCENDING).limit(limit)]

    def queue(self, messages: Sequence[JobLess], *, now: datetime) -> int:
        """Queues those of these messages that are scheduled and due still; answers how many.

        A message that someone else has queued, moved or cancelled meanwhile stays as it is.
        """
        wanted = {"_id": {"$in": [ObjectId(message.message_id) for message in messages]}, **_due(now)}
        queued = {"$set": {"status": _S.QUEUED.value, "updatedAt": now}}
        with mongo_errors():
            # Left to itself, MongoDB may look through everything that is due for each batch.
            return self._messages.update_many(wanted, queued, hint=_BY_ID).modified_count

    def queued(self, *, after: str | None, untouched_since: datetime, limit: int) -> Page:
        """Queued messages, by id: whether each has a job is for the queue to say.

        Args:
            after: where the page before ended; ``None`` for the first.
            untouched_since: leaves out what was changed later than this.
            limit: the most messages to look at.
        """
        wanted: Document = {"status": _S.QUEUED.value}
        if after is not None:
            wanted["_id"] = {"$gt": ObjectId(after)}
        with mongo_errors():
            found = list(self._messages.find(wanted, _FIELDS, hint=QUEUED).sort("_id", ASCENDING).limit(limit))
        idle = [document for document in found if _touched(document) <= untouched_since]
        return Page([_job_less(document) for document in idle], str(found[-1]["_id"]) if len(found) == limit else None)

    def left_in_hand(self, *, lease_ended_before: datetime, limit: int) -> list[JobLess]:
        """Messages that are being sent by nobody: the lease of the last attempt has ended, longest ago first."""
        wanted = {"status": _S.SENDING.value, "lease.expiresAt": {"$lt": lease_ended_before}}
        with mongo_errors():
            found = self._messages.find(wanted, _FIELDS, hint=SENDING).sort("lease.expiresAt", ASCENDING).limit(limit)
            return [_job_less(document) for document in found]

    def give_up(self, messages: Sequence[JobLess], *, after: int, now: datetime) -> int:
        """Ends those of these messages that were left in hand too often: whatever takes such a message dies of it.

        One that may have gone out waits for a person, another has failed.

        Args:
            messages: messages that nobody sends any more, and that have no job.
            after: how many attempts at one message may die.
            now: the current moment.

        Returns:
            How many it ended.
        """
        left_too_often = {
            "_id": {"$in": [ObjectId(message.message_id) for message in messages]},
            "status": _S.SENDING.value,
            "lease.owner": {"$exists": True},
            "lease.expiresAt": {"$lt": now},
            # The claims before counted all but the one that is in hand now.
            "leftInHand": {"$gte": after - 1},
        }
        ended = {
            "status": {"$cond": [{"$gt": ["$dispatchedAt", None]}, _S.UNCERTAIN.value, _S.FAILED.value]},
            "reason": Reason.GAVE_UP.value,
            "updatedAt": now,
        }
        with mongo_errors():
            return self._messages.update_many(left_too_often, [{"$set": ended}, {"$unset": "lease"}]).modified_count


_BY_ID: Final = "_id_"
_FIELDS: Final = {"workspaceId": 1, "scheduledAt": 1, "notBefore": 1, "updatedAt": 1, "createdAt": 1}


def _due(now: datetime) -> Document:
    return {"status": _S.SCHEDULED.value, "scheduledAt": {"$lte": now}}


def _job_less(document: Document) -> JobLess:
    return JobLess(
        str(document["_id"]),
        document["workspaceId"],
        _moment(document.get("notBefore")),
        _moment(document.get("scheduledAt")),
    )


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _touched(document: Document) -> datetime:
    for name in ("updatedAt", "createdAt"):
        if isinstance(moment := document.get(name), datetime):
            return moment
    generated: datetime = document["_id"].generation_time
    return generated
