"""Messages in MongoDB: every change of a message's state, each one atomic update that names the states it comes from.

Leases, marks and the moments that decide about them are MongoDB's own (``$$NOW``), so no worker's clock matters. Two
tokens guard the writes: the *lease's owner* may act on the message; the *dispatch's owner* knows what became of its
own call of the provider, even after another attempt has taken over the lease.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from libs.common.messages.model import Message, client_reference
from libs.common.messages.states import Heard, MessageStatus, sources_of
from libs.common.stores.collections import MESSAGES
from libs.common.stores.ids import stored_id
from libs.common.stores.message_documents import message_of
from libs.common.stores.mongo import Document, mongo_errors

_S = MessageStatus
_NOW: Final = "$$NOW"


class Recorded(StrEnum):
    """What became of a provider's answer."""

    SENT = "sent"
    """The message is sent by it."""
    KNOWN = "known"
    """The message was sent by this answer already."""
    OTHERS = "others"
    """That provider's id belongs to another message of ours."""
    TWICE = "twice"
    """The message was sent already, by another answer: it went out twice."""


class Dispatch(msgspec.Struct, frozen=True, kw_only=True):
    """How a message is about to be handed to a provider.

    Args:
        line_id: the line.
        starts_conversation: whether it is the first to this recipient on that line.
    """

    line_id: str
    starts_conversation: bool


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Until when a message waits, and why.

    Args:
        until: the moment of the next try, aware.
        reason: the limit that binds.
        promised: the line on which that moment is its own, where it is.
        error: what happened, for a person.
    """

    until: datetime
    reason: str
    promised: Dispatch | None = None
    error: str | None = None


class MessageStore:
    """The states of messages.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away; the write may have
    happened then, and all of them may be repeated.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._messages = database[MESSAGES]

    def get(self, message_id: str, workspace_id: str) -> Message | None:
        """A message of a workspace, or ``None``."""
        with mongo_errors():
            found = self._messages.find_one({"_id": ObjectId(message_id), "workspaceId": workspace_id})
        return message_of(found) if found else None

    def claim(self, message_id: str, workspace_id: str, *, owner: str, job_id: str, lease: timedelta) -> Message | None:
        """Takes a message for one attempt to send it; at most one attempt holds it at a time.

        It can be had when it is queued, when its time has come, when the lease of the attempt that held it has run
        out, or when that attempt was an earlier run of the same job: the queue runs a job again only when its worker
        is dead or has been given up.

        Args:
            message_id: which message.
            workspace_id: whose it must be.
            owner: the token of this attempt, unique.
            job_id: the job that this attempt is part of.
            lease: for how long it is taken.

        Returns:
            The message as it is now; ``None`` where it cannot be had.
        """
        may_be_had = [
            {"status": _S.QUEUED.value},
            {"status": _S.SENDING.value, "lease.jobId": job_id},
            {"status": _S.SENDING.value, "$expr": {"$lte": ["$lease.expiresAt", _NOW]}},
            {"status": _S.SCHEDULED.value, "scheduledAt": {"$type": "date"}, "$expr": {"$lte": ["$scheduledAt", _NOW]}},
        ]
        taken = {
            "status": _S.SENDING.value,
            "jobId": _exactly(job_id),
            "lease": {
                "owner": _exactly(owner),
                "jobId": _exactly(job_id),
                "attempt": {"$add": [{"$ifNull": ["$attempts", 0]}, 1]},
                "claimedAt": _NOW,
                "expiresAt": _from_now(lease),
            },
            "leftInHand": {"$cond": [_LEFT_IN_HAND, {"$add": [{"$ifNull": ["$leftInHand", 0]}, 1]}, "$leftInHand"]},
        }
        wanted = {"_id": ObjectId(message_id), "workspaceId": workspace_id, "$or": may_be_had}
        return self._change(wanted, set_=taken)

    def mark(self, message: Message, dispatch: Dispatch, *, owner: str, lease: timedelta) -> Message | None:
        """Notes that the message is about to be handed to its provider: from now on it may have gone out.

        Returns:
            The message as it is now; ``None`` where the lease is no longer this attempt's, which must do nothing more.
        """
        marked = {
            "dispatchedAt": _NOW,
            "dispatchedBy": _exactly(owner),
            "clientReference": _exactly(client_reference(message.message_id)),
            "lineId": _exactly(stored_id(dispatch.line_id)),
            "startsConversation": dispatch.starts_conversation,
            "attempts": {"$add": [{"$ifNull": ["$attempts", 0]}, 1]},
            "lease.expiresAt": _from_now(lease),
        }
        wanted = {**_held_by(message, owner), "$expr": {"$gt": ["$lease.expiresAt", _NOW]}}
        return self._change(wanted, set_=marked, unset=("notBefore", "reason", "error", "promised", *_CLOCKS))

    def postpone(self, message: Message, waiting: Waiting, *, owner: str) -> bool:
        """Queues a message again that was not marked, for the moment when it may go.

        Args:
            message: as it was claimed.
            waiting: until when and why.
            owner: the attempt that holds it.

        Returns:
            Whether it was still this attempt's.
        """
        wanted = _held_by(message, owner)
        return self._change(wanted, set_=_as_waiting(waiting), unset=_not_waiting(waiting)) is not None

    def withdraw(self, message: Message, waiting: Waiting, *, owner: str) -> bool:
        """Queues a message again whose marked call certainly had no effect.

        This is the dispatch's owner's to say, whoever holds the lease by now.

        Returns:
            Whether the mark was still this attempt's.
        """
        wanted, unset = _marked_by(message, owner), (*_not_waiting(waiting), *_UNMARK)
        return self._change(wanted, set_=_as_waiting(waiting), unset=sorted(set(unset))) is not None

    def unmark(self, message: Message, *, owner: str) -> Message | None:
        """Takes back the mark of a message that certainly did not go out and will not by that call.

        Returns:
            The message as it is now, still this attempt's; ``None`` where it was not.
        """
        return self._change(_held_by(message, owner), set_={}, unset=_MARK)

    def park(self, message: Message, waiting: Waiting, *, owner: str, heard: Heard = Heard.NOT_ASKED) -> bool:
        """Leaves a marked message as it is, to be asked about later; its lease ends now and is nobody's.

        Args:
            message: as it was claimed.
            waiting: until when and why.
            owner: the attempt that holds it.
            heard: what its provider has just said. Absence counts from the first time that it was said, unless the
                provider gave no answer since; that it gave none counts from the first time.

        Returns:
            Whether it was still this attempt's.
        """
        parked = {**_as_waiting(waiting), "status": _S.SENDING.value, "lease.expiresAt": _NOW}
        unset = ["lease.owner"]
        if heard is Heard.ABSENT:
            parked["absentSince"] = {"$ifNull": ["$absentSince", _NOW]}
        else:
            unset.append("absentSince")
        if heard is Heard.NOTHING:
            parked["unheardSince"] = {"$ifNull": ["$unheardSince", _NOW]}
        return self._change(_held_by(message, owner), set_=parked, unset=unset) is not None

    def record_sent(self, message: Message, *, line_id: str, provider_message_id: str) -> Recorded:
        """Records that the provider has the message, whoever holds it: that is the truth and outranks every lease.

        Args:
            message: the message.
            line_id: the line it went through.
            provider_message_id: the provider's name for it, which only one message of a line may have.
        """
        sent = {
            "status": _S.SENT.value,
            "providerMessageId": _exactly(provider_message_id),
            "lineId": _exactly(stored_id(line_id)),
            "sentAt": _NOW,
        }
        wanted = {"_id": ObjectId(message.message_id), "status": {"$in": _from(_S.SENT)}}
        try:
            if self._change(wanted, set_=sent, unset=_WAITING):
                return Recorded.SENT
        except DuplicateKeyError:
            return Recorded.OTHERS
        current = self.get(message.message_id, message.workspace_id)
        known = current is not None and current.provider_message_id == provider_message_id
        return Recorded.KNOWN if known else Recorded.TWICE

    def end(
        self, message: Message, status: MessageStatus, *, owner: str, reason: str, error: str | None = None
    ) -> bool:
        """Ends a message that did not go out and never will.

        Args:
            message: as it was claimed.
            status: ``failed`` or ``cancelled``.
            owner: the attempt that holds it.
            reason: why.
            error: what happened, for a person.

        Returns:
            Whether it was still this attempt's.
        """
        return self._end(_held_by(message, owner), status, reason, error, unset=("notBefore", "promised", *_UNMARK))

    def give_to_a_person(self, message: Message, *, owner: str, reason: str, error: str | None = None) -> bool:
        """Parks a message of which it cannot be known whether it went out; answers whether it was still ours."""
        return self._end(
            _held_by(message, owner), _S.UNCERTAIN, reason, error, unset=("lease", "notBefore", "promised")
        )

    def conversation_line(self, message: Message, handle: str) -> str | None:
        """The line on which this recipient was last written to in this workspace, other than by this message.

        Args:
            message: the message, whose ``to`` may be written in another form than the handle.
            handle: the recipient, normalised.
        """
        written = {
            "workspaceId": message.workspace_id,
            "to": {"$in": sorted({message.to, handle})},
            "_id": {"$ne": ObjectId(message.message_id)},
            "lineId": {"$exists": True},
            "$or": [{"dispatchedAt": {"$exists": True}}, {"status": {"$in": [_S.SENT.value, _S.DELIVERED.value]}}],
        }
        with mongo_errors():
            found = list(self._messages.find(written, _CONVERSATION).sort("createdAt", -1).limit(20))
        latest = max(found, key=_written_at, default=None)
        return str(latest["lineId"]) if latest and latest["lineId"] else None

    def _end(
        self, wanted: Document, status: MessageStatus, reason: str, error: str | None, *, unset: Sequence[str]
    ) -> bool:
        ended: Document = {"status": status.value, "reason": _exactly(reason)}
        if error is not None:
            ended["error"] = _exactly(error)
        return self._change(wanted, set_=ended, unset=unset) is not None

    def _change(self, wanted: Document, *, set_: Mapping[str, Any], unset: Sequence[str] = ()) -> Message | None:
        update: list[Document] = [{"$set": {**set_, "updatedAt": _NOW}}]
        if unset:
            update.append({"$unset": list(unset)})
        with mongo_errors():
            changed = self._messages.find_one_and_update(wanted, update, return_document=ReturnDocument.AFTER)
        return message_of(changed) if changed else None


def _as_waiting(waiting: Waiting) -> Document:
    fields: Document = {
        "status": _S.QUEUED.value,
        "notBefore": waiting.until,
        "reason": _exactly(waiting.reason),
    }
    if waiting.promised is not None:
        fields["promised"] = True
        fields["lineId"] = _exactly(stored_id(waiting.promised.line_id))
        fields["startsConversation"] = waiting.promised.starts_conversation
    if waiting.error is not None:
        fields["error"] = _exactly(waiting.error)
    return fields


def _not_waiting(waiting: Waiting) -> tuple[str, ...]:
    return ("lease",) if waiting.promised is not None else ("lease", "promised")


_WAITING: Final = ("lease", "notBefore", "reason", "error", "promised")
_CLOCKS: Final = ("absentSince", "unheardSince")
_MARK: Final = ("dispatchedAt", "dispatchedBy", *_CLOCKS)
_UNMARK: Final = ("lease", *_MARK)
_LEFT_IN_HAND: Final = {
    "$and": [{"$eq": ["$status", _S.SENDING.value]}, {"$ne": [{"$type": "$lease.owner"}, "missing"]}]
}
"""Whether the attempt that took a message before came to no end: it died, or was given up by its queue."""
_CONVERSATION: Final = {"lineId": 1, "dispatchedAt": 1, "sentAt": 1, "createdAt": 1}


def _held_by(message: Message, owner: str) -> Document:
    return {"_id": ObjectId(message.message_id), "status": _S.SENDING.value, "lease.owner": owner}


def _marked_by(message: Message, owner: str) -> Document:
    return {"_id": ObjectId(message.message_id), "status": _S.SENDING.value, "dispatchedBy": owner}


def _from(target: MessageStatus) -> list[str]:
    return sorted(status.value for status in sources_of(target))


def _exactly(value: object) -> Document:
    """The value itself, whatever it looks like: a text that begins with a dollar sign is a field's name otherwise."""
    return {"$literal": value}


def _from_now(span: timedelta) -> Document:
    return {"$add": [_NOW, span // timedelta(milliseconds=1)]}


def _written_at(document: Mapping[str, Any]) -> datetime:
    moments = (document.get(name) for name in ("dispatchedAt", "sentAt", "createdAt"))
    known = next((moment for moment in moments if isinstance(moment, datetime)), None)
    generated: datetime = known or document["_id"].generation_time
    return generated
