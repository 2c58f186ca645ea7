"""What became of every tick of every schedule, collection ``ticks``, kept 30 days.

A row is the decision: its id is the schedule and the tick, so of several schedulers that decide the same tick one
counts. A row whose job is to be emitted says so until it is (``emitted: false``), so that whoever finds it can.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from pymongo import DESCENDING
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from libs.common.stores.collections import TICKS
from libs.common.stores.mongo import Document, mongo_errors


class TickOutcome(StrEnum):
    """What became of a tick."""

    FIRED = "fired"
    """It was emitted in time."""
    LATE = "late"
    """It was emitted after its time; where it stands for earlier missed ticks as well, its reason says so."""
    COALESCED = "coalesced"
    """It was missed, and a later tick was emitted in its place."""
    SKIPPED = "skipped"
    """It was not emitted: the schedule says so of missed ticks, or was switched off, or cannot be read."""


class TickRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A decided tick.

    Args:
        schedule: the schedule's name.
        tick: the moment that it stands for.
        outcome: what became of it.
        reason: why, for a person; empty where it fired in time.
        decided_at: when that was decided.
        decided_by: by which process.
        job_id: the job that was, or is to be, emitted for it.
        emitted: whether it was; ``None`` where none is to be.
    """

    schedule: str
    tick: datetime
    outcome: TickOutcome
    decided_at: datetime
    decided_by: str
    reason: str = ""
    job_id: str | None = None
    emitted: bool | None = None


_DUPLICATE_KEY: Final = 11000


class TickStore:
    """Reads and writes rows.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._ticks = database[TICKS]

    def decide(self, rows: Sequence[TickRow]) -> list[TickRow]:
        """Stores decisions; a tick that was decided before stays as it was.

        Returns:
            Those of ``rows`` that count.
        """
        if not rows:
            return []
        refused: set[int] = set()
        with mongo_errors():
            try:
                self._ticks.insert_many([_document(row) for row in rows], ordered=False)
            except BulkWriteError as error:
                codes = {one["index"]: one["code"] for one in error.details["writeErrors"]}
                if error.details.get("writeConcernErrors") or set(codes.values()) - {_DUPLICATE_KEY}:
                    raise
                refused = set(codes)
        return [row for place, row in enumerate(rows) if place not in refused]

    def last_decided(self, schedule: str) -> datetime | None:
        """The latest decided tick of a schedule."""
        with mongo_errors():
            found = self._ticks.find_one({"schedule": schedule}, {"tick": 1}, sort=[("tick", DESCENDING)])
        return found["tick"] if found else None

    def to_emit(self, *, limit: int = 100) -> list[TickRow]:
        """Decided ticks whose job was not emitted yet."""
        with mongo_errors():
            return [_row_of(found) for found in self._ticks.find({"emitted": False}).limit(limit)]

    def emitted(self, row: TickRow) -> None:
        """Notes that a tick's job was emitted."""
        with mongo_errors():
            self._ticks.update_one({"_id": _key(row)}, {"$set": {"emitted": True}})

    def not_to_be_emitted(self, row: TickRow, reason: str) -> None:
        """Notes that a tick cannot be emitted."""
        given_up = {"$set": {"outcome": TickOutcome.SKIPPED.value, "reason": reason}, "$unset": {"emitted": ""}}
        with mongo_errors():
            self._ticks.update_one({"_id": _key(row)}, given_up)

    def latest(self, schedule: str, *, limit: int) -> list[TickRow]:
        """The last decided ticks of a schedule, newest first."""
        with mongo_errors():
            found = self._ticks.find({"schedule": schedule}).sort("tick", DESCENDING).limit(limit)
            return [_row_of(document) for document in found]


def _key(row: TickRow) -> str:
    return f"{row.schedule}@{row.tick.isoformat()}"


def _document(row: TickRow) -> Document:
    document: Document = {
        "_id": _key(row),
        "schedule": row.schedule,
        "tick": row.tick,
        "outcome": row.outcome.value,
        "reason": row.reason,
        "decidedAt": row.decided_at,
        "decidedBy": row.decided_by,
    }
    if row.job_id is not None:
        document |= {"jobId": row.job_id, "emitted": row.emitted}
    return document


def _row_of(document: Mapping[str, Any]) -> TickRow:
    return TickRow(
        schedule=document["schedule"],
        tick=document["tick"],
        outcome=TickOutcome(document["outcome"]),
        reason=document.get("reason", ""),
        decided_at=document["decidedAt"],
        decided_by=document.get("decidedBy", ""),
        job_id=document.get("jobId"),
        emitted=document.get("emitted"),
    )
