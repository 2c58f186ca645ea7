"""Finding messages for a person who looks: by recipient, by state, the latest; and one with all that is kept of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Final

import msgspec
from bson import ObjectId
from pymongo import DESCENDING
from pymongo.database import Database

from libs.common.messages.model import Message
from libs.common.messages.states import MessageStatus
from libs.common.stores.collections import LINES, MESSAGES
from libs.common.stores.message_documents import message_of
from libs.common.stores.mongo import Document, mongo_errors


class Shelf(StrEnum):
    """Which messages, where no recipient is named."""

    UNCERTAIN = "uncertain"
    """Nobody knows whether they went out."""
    FAILED = "failed"
    """They were not sent and will not be."""
    WAITING = "waiting"
    """They wait for their moment, or are being sent."""
    LATEST = "latest"
    """The last that were written; of one workspace, the last that went out."""


class MessageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what is kept of its way.

    Args:
        message: the message.
        delivered_at: when the provider reported it as delivered.
        resolved_by: who decided about it.
        resolved_at: when.
    """

    message: Message
    delivered_at: datetime | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None


_OF_STATUS: Final[Mapping[Shelf, Sequence[MessageStatus]]] = {
    Shelf.UNCERTAIN: (MessageStatus.UNCERTAIN,),
    Shelf.FAILED: (MessageStatus.FAILED,),
    Shelf.WAITING: (MessageStatus.QUEUED, MessageStatus.SENDING),
}
_ORDERED_BY: Final = {Shelf.UNCERTAIN: "updatedAt", Shelf.FAILED: "updatedAt", Shelf.WAITING: "_id"}


class MessageSearch:
    """Finds messages, each time by an index.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._messages = database[MESSAGES]
        self._lines = database[LINES]

    def on(self, shelf: Shelf, workspace_id: str | None, *, limit: int) -> list[Message]:
        """The messages of a shelf, the latest first, of one workspace or of all."""
        chosen: Document = {} if workspace_id is None else {"workspaceId": workspace_id}
        if shelf is Shelf.LATEST:
            order = "_id"
            if workspace_id is not None:
                order = "dispatchedAt"
                chosen["dispatchedAt"] = {"$exists": True}
            return self._find(chosen, order, limit)
        order = _ORDERED_BY[shelf]
        of_each = [self._find({**chosen, "status": status.value}, order, limit) for status in _OF_STATUS[shelf]]
        # Only what waits is of two states, each in the order of its ids.
        return list(islice(merge(*of_each, key=attrgetter("message_id"), reverse=True), limit))

    def to(self, recipients: Sequence[str], workspace_id: str | None, *, limit: int) -> list[Message]:
        """The messages to a recipient, the latest first.

        Args:
            recipients: the forms in which the recipient may be written.
            workspace_id: only this workspace's; of all that have lines where none is named.
            limit: the most to answer.
        """
        with mongo_errors():
            workspaces = [workspace_id] if workspace_id is not None else self._lines.distinct("workspaceId")
        return self._find({"workspaceId": {"$in": workspaces}, "to": {"$in": list(recipients)}}, "createdAt", limit)

    def record(self, message_id: str) -> MessageRecord | None:
        """A message and what is kept of its way; ``None`` where there is none of this id."""
        if not ObjectId.is_valid(message_id):
            return None
        with mongo_errors():
            found = self._messages.find_one({"_id": ObjectId(message_id)})
        return _record(found) if found else None

    def _find(self, wanted: Document, order: str, limit: int) -> list[Message]:
        with mongo_errors():
            return [message_of(found) for found in self._messages.find(wanted).sort(order, DESCENDING).limit(limit)]


def _record(document: Mapping[str, Any]) -> MessageRecord:
    delivered_at, resolved_at = document.get("deliveredAt"), document.get("resolvedAt")
    return MessageRecord(
        message=message_of(document),
        delivered_at=delivered_at if isinstance(delivered_at, datetime) else None,
        resolved_by=str(document["resolvedBy"]) if document.get("resolvedBy") else None,
        resolved_at=resolved_at if isinstance(resolved_at, datetime) else None,
    )
