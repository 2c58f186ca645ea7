"""What MongoDB says was sent and promised: the truth from which budgets are made anew.

Counted is what was marked as dispatched (a call that certainly had no effect takes its mark back) and what waits for a
slot that it was promised.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bson import ObjectId
from pymongo.database import Database

from libs.common.budgets.contract import LineBudget, WorkspaceBudget
from libs.common.budgets.slots import WINDOW_MS
from libs.common.clock import to_ms
from libs.common.local_time import first_instant_of, local_day
from libs.common.messages.recipient import normal_recipient, recipient_key
from libs.common.messages.states import MessageStatus
from libs.common.stores.collections import BUDGET_SLOTS, MESSAGES
from libs.common.stores.ids import either_form
from libs.common.stores.mongo import Document, mongo_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A moment that a message had or will have on a line."""

    message_id: str
    at_ms: int
    line_day: str
    workspace_day: str
    starts_conversation: bool
    recipient_key: str


@dataclass(frozen=True, slots=True)
class Records:
    """A workspace's sends of today and its promises.

    Args:
        slots: by line id, the slots of the last minutes and all promised ones.
        line_days: messages by line id and local day.
        conversations: by line id and local day, how many messages start a conversation with each recipient.
        workspace_days: messages by the workspace's local day.
    """

    slots: defaultdict[str, list[Slot]] = field(default_factory=lambda: defaultdict(list))
    line_days: Counter[tuple[str, str]] = field(default_factory=Counter)
    conversations: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    workspace_days: Counter[str] = field(default_factory=Counter)

    def count(self, line_id: str, slot: Slot) -> None:
        """Counts a slot on its days."""
        self.line_days[line_id, slot.line_day] += 1
        self.workspace_days[slot.workspace_day] += 1
        if slot.starts_conversation:
            self.conversations[line_id, slot.line_day][slot.recipient_key] += 1

    def all_slots(self) -> Iterator[Slot]:
        """The slots of all lines."""
        for slots in self.slots.values():
            yield from slots


class RecordReader:
    """Reads records.

    Args:
        database: with majority read concern and aware datetimes.
        region: where phone numbers without a country code are read.
    """

    def __init__(self, database: Database[Document], *, region: str) -> None:
        self._messages = database[MESSAGES]
        self._kept = database[BUDGET_SLOTS]
        self._region = region

    def read(self, workspace: WorkspaceBudget, *, now: datetime) -> Records:
        """The workspace's records.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        records = Records()
        with mongo_errors():
            self._count_days(records, workspace, now)
            self._read_conversations(records, workspace, now)
            recent = max(timedelta(milliseconds=WINDOW_MS), workspace.recipient_gap)
            dispatched = {"workspaceId": workspace.workspace_id, "dispatchedAt": {"$gte": now - recent}}
            for document in self._messages.find(dispatched, {**_SLOT, "dispatchedAt": 1}):
                self._add_slot(records, workspace, document, document["dispatchedAt"])
            for line in workspace.lines:
                self._read_promises(records, workspace, line, now)
            self._read_kept_slots(records, workspace, now)
        return records

    def _count_days(self, records: Records, workspace: WorkspaceBudget, now: datetime) -> None:
        for zone, lines in _by_zone(workspace).items():
            since = min(_today(zone, now), _today(workspace.zone, now))
            lines_of_zone = {"$in": [form for line in lines for form in either_form(line.line_id)]}
            wanted = {"workspaceId": workspace.workspace_id, "dispatchedAt": {"$gte": since}, "lineId": lines_of_zone}
            days = {"line": "$lineId", "lineDay": _day_in(zone), "workspaceDay": _day_in(workspace.zone)}
            for group in self._messages.aggregate([{"$match": wanted}, {"$group": {"_id": days, "n": {"$sum": 1}}}]):
                key = group["_id"]
                records.line_days[str(key["line"]), key["lineDay"]] += group["n"]
                records.workspace_days[key["workspaceDay"]] += group["n"]

    def _read_conversations(self, records: Records, workspace: WorkspaceBudget, now: datetime) -> None:
        zones = {line.line_id: line.zone for line in workspace.lines}
        since = min((_today(zone, now) for zone in zones.values()), default=now)
        started = {
            "workspaceId": workspace.workspace_id,
            "dispatchedAt": {"$gte": since},
            "startsConversation": True,
        }
        for document in self._messages.find(started, {"to": 1, "lineId": 1, "dispatchedAt": 1}):
            line_id = str(document["lineId"])
            if line_id in zones:
                day = local_day(document["dispatchedAt"], zones[line_id]).isoformat()
                records.conversations[line_id, day][self._key(workspace, document)] += 1

    def _read_promises(self, records: Records, workspace: WorkspaceBudget, line: LineBudget, now: datetime) -> None:
        promised = {
            "status": MessageStatus.QUEUED.value,
            "lineId": {"$in": either_form(line.line_id)},
            "notBefore": {"$gt": now},
            "promised": True,
        }
        for document in self._messages.find(promised, {**_SLOT, "notBefore": 1}):
            slot = self._add_slot(records, workspace, document, document["notBefore"])
            if slot is None:
                continue
            records.count(line.line_id, slot)

    def _read_kept_slots(self, records: Records, workspace: WorkspaceBudget, now: datetime) -> None:
        """Slots that were given while Redis was away and are not in the messages themselves yet."""
        since = min((_today(line.zone, now) for line in workspace.lines), default=now)
        wanted = {"workspaceId": workspace.workspace_id, "at": {"$gte": since}}
        kept = {slot["_id"]: slot for slot in self._kept.find(wanted)}
        if not kept:
            return
        counted = {
            "_id": {"$in": [ObjectId(message_id) for message_id in kept]},
            "$or": [
                {"dispatchedAt": {"$exists": True}},
                {"status": MessageStatus.QUEUED.value, "promised": True, "notBefore": {"$gt": now}},
            ],
        }
        for document in self._messages.find(counted, {"_id": 1}):
            del kept[str(document["_id"])]
        for message_id, stored in kept.items():
            self._count_kept(records, workspace, message_id, stored)

    def _count_kept(self, records: Records, workspace: WorkspaceBudget, message_id: str, stored: Document) -> None:
        line_id, at = stored["lineId"], stored["at"]
        zone = next((line.zone for line in workspace.lines if line.line_id == line_id), None)
        if zone is None:
            return
        slot = Slot(
            message_id=message_id,
            at_ms=to_ms(at),
            line_day=local_day(at, zone).isoformat(),
            workspace_day=local_day(at, workspace.zone).isoformat(),
            starts_conversation=stored["startsConversation"],
            recipient_key=stored["recipientKey"],
        )
        records.slots[line_id].append(slot)
        records.count(line_id, slot)

    def _add_slot(self, records: Records, workspace: WorkspaceBudget, document: Document, at: datetime) -> Slot | None:
        line_id = str(document.get("lineId"))
        try:
            line = workspace.line(line_id)
        except KeyError:
            return None
        slot = Slot(
            message_id=str(document["_id"]),
            at_ms=to_ms(at),
            line_day=local_day(at, line.zone).isoformat(),
            workspace_day=local_day(at, workspace.zone).isoformat(),
            starts_conversation=document.get("startsConversation") is True,
            recipient_key=self._key(workspace, document),
        )
        records.slots[line_id].append(slot)
        return slot

    def _key(self, workspace: WorkspaceBudget, document: Document) -> str:
        text = str(document.get("to") or "")
        return recipient_key(workspace.workspace_id, normal_recipient(text, region=self._region) or text)


_SLOT: Final = {"lineId": 1, "to": 1, "startsConversation": 1}


def _by_zone(workspace: WorkspaceBudget) -> dict[ZoneInfo, list[LineBudget]]:
    zones: dict[ZoneInfo, list[LineBudget]] = defaultdict(list)
    for line in workspace.lines:
        zones[line.zone].append(line)
    return zones


def _today(zone: ZoneInfo, now: datetime) -> datetime:
    return first_instant_of(local_day(now, zone), zone)


def _day_in(zone: ZoneInfo) -> Document:
    return {"$dateToString": {"date": "$dispatchedAt", "format": "%Y-%m-%d", "timezone": zone.key}}
