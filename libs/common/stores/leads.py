"""Leads and what is known of their availability: what of ``leads`` is read and written for availability, and how."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from bson import ObjectId
from pymongo import UpdateOne
from pymongo.database import Database

from libs.common.clock import Clock
from libs.common.handles import Service
from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document, mongo_errors


class AvailabilityStatus(StrEnum):
    """What a run found out about a lead."""

    AVAILABLE = "available"
    """One of its handles can be reached by iMessage."""
    UNAVAILABLE = "unavailable"
    """None of them can."""
    UNKNOWN = "unknown"
    """No line could answer."""
    INVALID = "invalid"
    """It has no handle that could be asked about."""


class LeadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A lead's availability, as one run found it.

    Args:
        lead_id: the lead.
        status: the outcome.
        service: what the handle can be reached by, where that is known.
        handle: the handle that decided, in its normal form.
        line_id: the line that answered.
        reason: why it is unknown or invalid.
    """

    lead_id: ObjectId
    status: AvailabilityStatus
    service: Service | None = None
    handle: str | None = None
    line_id: str | None = None
    reason: str | None = None


class LeadContact(msgspec.Struct, frozen=True, kw_only=True):
    """How a lead may be reached, as it was written down, and what the run in question already knows.

    Args:
        lead_id: the lead.
        phone: as a person or CRM wrote it; ``None`` where there is none.
        email: likewise.
        answer: the answer that is stored for this run.
    """

    lead_id: ObjectId
    phone: str | None
    email: str | None
    answer: LeadAnswer | None = None


class RunTally(msgspec.Struct, frozen=True, kw_only=True):
    """A run's answers in numbers.

    Args:
        found: how many of the ids are leads of the workspace.
        answers: how many of them are answered for the run, by status and reason.
        first_at: when the first of these answers was given.
        last_at: and the last.
    """

    found: int = 0
    answers: Mapping[tuple[AvailabilityStatus, str | None], int] = {}
    first_at: datetime | None = None
    last_at: datetime | None = None


class LeadStore:
    """Reads what a check needs of leads, and writes its answers.

    Args:
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        clock: stamps answers.
    """

    def __init__(self, database: Database[Document], clock: Clock) -> None:
        self._leads = database[LEADS]
        self._clock = clock

    def contacts(self, workspace_id: str, lead_ids: Sequence[ObjectId], *, run_id: str) -> list[LeadContact]:
        """The leads of the workspace among these ids; ids of none, or of another workspace's leads, are left out.

        Args:
            workspace_id: whose leads.
            lead_ids: no more than fit one query, some thousands.
            run_id: whose answers to tell.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            found = self._leads.find(
                {"_id": {"$in": list(lead_ids)}, "workspaceId": workspace_id},
                {"phone": 1, "email": 1, "availability": 1},
                batch_size=len(lead_ids) + 1,
            )
            return [_contact_of(document, run_id) for document in found]

    def store_answers(self, workspace_id: str, answers: Iterable[LeadAnswer], *, run_id: str) -> None:
        """Stores a run's answers in one write; a lead already answered for this run keeps its answer.

        Raises:
            StoreUnavailable: MongoDB is away; any part of the answers may be stored.
        """
        now = self._clock.now()
        writes = [
            UpdateOne(
                {"_id": answer.lead_id, "workspaceId": workspace_id, "availability.runId": {"$ne": run_id}},
                {"$set": {"availability": _stored(answer, run_id, now)}},
            )
            for answer in answers
        ]
        if writes:
            with mongo_errors():
                self._leads.bulk_write(writes, ordered=False)

    def tally(self, workspace_id: str, lead_ids: Sequence[ObjectId], *, run_id: str) -> RunTally:
        """What is stored for a run of these leads, counted by the server.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        of_run = {"$eq": ["$availability.runId", run_id]}
        outcome = {"status": "$availability.status", "reason": "$availability.reason"}
        with mongo_errors():
            groups = list(
                self._leads.aggregate(
                    [
                        {"$match": {"_id": {"$in": list(lead_ids)}, "workspaceId": workspace_id}},
                        {
                            "$group": {
                                "_id": {"$cond": [of_run, outcome, None]},
                                "leads": {"$sum": 1},
                                "first": {"$min": "$availability.checkedAt"},
                                "last": {"$max": "$availability.checkedAt"},
                            }
                        },
                    ]
                )
            )
        answered = [group for group in groups if group["_id"] is not None]
        return RunTally(
            found=sum(group["leads"] for group in groups),
            answers={
                (AvailabilityStatus(group["_id"]["status"]), group["_id"].get("reason")): group["leads"]
                for group in answered
            },
            first_at=min((group["first"] for group in answered), default=None),
            last_at=max((group["last"] for group in answered), default=None),
        )

    def missing(self, workspace_id: str, lead_ids: Sequence[ObjectId]) -> list[ObjectId]:
        """Those of these ids that are no leads of the workspace.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        wanted = {"_id": {"$in": list(lead_ids)}, "workspaceId": workspace_id}
        with mongo_errors():
            found = {document["_id"] for document in self._leads.find(wanted, {"_id": 1}, batch_size=len(lead_ids) + 1)}
        return [lead_id for lead_id in lead_ids if lead_id not in found]


def _contact_of(document: Mapping[str, Any], run_id: str) -> LeadContact:
    stored = document.get("availability")
    answer = None
    if isinstance(stored, dict) and stored.get("runId") == run_id:
        answer = _answer_of(document["_id"], stored)
    return LeadContact(
        lead_id=document["_id"],
        phone=_text_of(document.get("phone")),
        email=_text_of(document.get("email")),
        answer=answer,
    )


def _text_of(value: object) -> str | None:
    """What stands in a contact field, trimmed; ``None`` where nothing does.

    Spreadsheets turn numbers into numbers, so a phone may not be stored as text. Whatever else is there is shown as
    it is, to be found malformed.
    """
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if type(value) is str else str(value)
    return text.strip() or None


def _answer_of(lead_id: ObjectId, stored: Mapping[str, Any]) -> LeadAnswer:
    line_id = stored.get("lineId")
    return LeadAnswer(
        lead_id=lead_id,
        status=AvailabilityStatus(stored["status"]),
        service=Service(stored["service"]) if stored.get("service") else None,
        handle=stored.get("handle"),
        line_id=str(line_id) if line_id else None,
        reason=stored.get("reason"),
    )


def _stored(answer: LeadAnswer, run_id: str, now: datetime) -> Document:
    # Plain strings: the driver refuses enumerations.
    document: Document = {
        "status": answer.status.value,
        "service": answer.service.value if answer.service else None,
        "handle": answer.handle,
        "lineId": ObjectId(answer.line_id) if answer.line_id else None,
        "runId": run_id,
        "checkedAt": now,
    }
    if answer.reason:
        document["reason"] = answer.reason
    return document
