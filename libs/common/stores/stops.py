"""Stops in MongoDB, collection ``stops``, and the opt-outs of leads: read at the last instant before every call."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from libs.common.errors import StoreUnavailable
from libs.common.messages.reasons import Reason
from libs.common.messages.stops import Stop, StopScope
from libs.common.stores.collections import LEADS, MESSAGES, STOPS
from libs.common.stores.ids import either_form
from libs.common.stores.mongo import Document, mongo_errors


class Concerned(msgspec.Struct, frozen=True, kw_only=True):
    """What may be stopped about a message.

    Args:
        workspace_id: whose it is.
        recipient: the handle, normalised.
        line_ids: the line that shall send it, or those that may.
        campaign_id: the campaign it is part of.
        lead_id: the lead it goes to.
    """

    workspace_id: str
    recipient: str
    line_ids: Sequence[str] = ()
    campaign_id: str | None = None
    lead_id: str | None = None


class StopStore:
    """Reads, places and lifts stops.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._stops = database[STOPS]
        self._leads = database[LEADS]
        self._messages = database[MESSAGES]
        # A stop counts from its first write on, not only once a majority has it.
        newest = ReadConcern("local")
        self._newest_stops = self._stops.with_options(read_concern=newest)
        self._newest_leads = self._leads.with_options(read_concern=newest)

    def concerning(self, concerned: Concerned) -> list[Stop]:
        """The stops that concern a message, as of now."""
        with mongo_errors():
            return [_stop_of(found) for found in self._newest_stops.find({"_id": {"$in": _keys(concerned)}})]

    def has_opted_out(self, concerned: Concerned) -> bool:
        """Whether the lead that a message names, or another of its handle, has opted out, as of now."""
        handle = concerned.recipient
        theirs: list[Document] = [{"email": handle} if "@" in handle else {"phone": handle}]
        if concerned.lead_id is not None:
            theirs.append({"_id": {"$in": either_form(concerned.lead_id)}})
        wanted = {"workspaceId": concerned.workspace_id, "optedOutAt": {"$type": "date"}, "$or": theirs}
        with mongo_errors():
            return self._newest_leads.find_one(wanted, {"_id": 1}) is not None

    def place(
        self,
        scope: StopScope,
        workspace_id: str,
        target: str,
        *,
        until: datetime | None = None,
        cancels: bool = False,
        reason: str = "",
    ) -> Stop:
        """Puts a stop in force; one that is in force already keeps its beginning and is otherwise replaced."""
        order = {
            "scope": scope.value,
            "workspaceId": {"$literal": workspace_id},
            "target": {"$literal": target},
            "at": {"$ifNull": ["$at", "$$NOW"]},
            "until": until,
            "cancels": cancels,
            "reason": {"$literal": reason},
        }
        with mongo_errors():
            placed = self._stops.find_one_and_update(
                {"_id": stop_key(scope, workspace_id, target)},
                [{"$set": order}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        if placed is None:
            raise StoreUnavailable("mongodb", "a stop was not stored")
        return _stop_of(placed)

    def lift(self, scope: StopScope, workspace_id: str, target: str) -> bool:
        """Ends a stop; answers whether there was one."""
        with mongo_errors():
            return self._stops.delete_one({"_id": stop_key(scope, workspace_id, target)}).deleted_count == 1

    def of_workspace(self, workspace_id: str) -> list[Stop]:
        """All stops of a workspace, newest first."""
        with mongo_errors():
            found = [_stop_of(document) for document in self._stops.find({"workspaceId": workspace_id})]
        return sorted(found, key=lambda stop: stop.at, reverse=True)

    def note_left(self, stop: Stop) -> Stop | None:
        """Notes that a message has just left although ``stop`` was in force; ``None`` where it was lifted since."""
        with mongo_errors():
            noted = self._stops.find_one_and_update(
                {"_id": stop_key(stop.scope, stop.workspace_id, stop.target)},
                [{"$set": {"lastLeftAt": "$$NOW"}}],
                return_document=ReturnDocument.AFTER,
            )
        return _stop_of(noted) if noted else None

    def opt_out(self, workspace_id: str, handle: str, *, now: datetime) -> int:
        """Notes that a recipient wants no more messages: as a stop, which needs no lead, and on their leads.

        Args:
            workspace_id: the workspace that wrote to them.
            handle: the recipient, normalised.
            now: when they said so.

        Returns:
            How many leads it marked.
        """
        self.place(StopScope.RECIPIENT, workspace_id, handle, cancels=True, reason=Reason.OPTED_OUT)
        with mongo_errors():
            written_to = self._messages.distinct("leadId", {"workspaceId": workspace_id, "to": handle})
            ids = [form for lead_id in written_to if lead_id for form in either_form(str(lead_id))]
            match_key = f"e:{handle}" if "@" in handle else f"p:{handle}"
            theirs = {
                "workspaceId": workspace_id,
                "optedOutAt": None,
                "$or": [{"_id": {"$in": ids}}, {"matchKeys": match_key}],
            }
            marked = self._leads.update_many(theirs, {"$set": {"optedOutAt": now, "updatedAt": now}})
        return marked.modified_count


def stop_key(scope: StopScope, workspace_id: str, target: str) -> str:
    """The id of a stop."""
    return f"{scope.value}/{workspace_id}/{target}"


def _keys(concerned: Concerned) -> list[str]:
    workspace_id = concerned.workspace_id
    targets = [(StopScope.WORKSPACE, workspace_id), (StopScope.RECIPIENT, concerned.recipient)]
    targets += [(StopScope.LINE, line_id) for line_id in concerned.line_ids]
    if concerned.campaign_id:
        targets.append((StopScope.CAMPAIGN, concerned.campaign_id))
    return [stop_key(scope, workspace_id, target) for scope, target in targets]


def _stop_of(document: Mapping[str, Any]) -> Stop:
    return Stop(
        scope=StopScope(document["scope"]),
        workspace_id=document["workspaceId"],
        target=document["target"],
        at=document["at"],
        until=document.get("until"),
        cancels=bool(document.get("cancels")),
        reason=str(document.get("reason") or ""),
        last_left_at=document.get("lastLeftAt"),
    )
