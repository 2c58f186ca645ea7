"""How lines are: the conclusion on the line itself, and every look in ``lineHealth``, kept 30 days."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo import UpdateOne
from pymongo.database import Database

from libs.common.stores.collections import LINE_HEALTH, LINES
from libs.common.stores.ids import stored_id
from libs.common.stores.lines import HealthStatus, Line, LineStatus
from libs.common.stores.mongo import Document, mongo_errors


class StoredHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a line was when it was last looked at.

    Args:
        status: the conclusion.
        checked_at: when that was.
        latency_ms: how long its answer took.
        consecutive_failures: looks that failed in a row.
        consecutive_successes: looks that succeeded in a row.
        reason: what is wrong.
    """

    status: HealthStatus
    checked_at: datetime
    latency_ms: int | None = None
    consecutive_failures: int = 0
    consecutive_successes: int = 0
    reason: str | None = None


class LineLook(msgspec.Struct, frozen=True, kw_only=True):
    """A look at a line, with what was concluded from it.

    Args:
        line_id: the line.
        workspace_id: whose it is.
        health: the conclusion.
        before: the conclusion before it; ``None`` where there was none.
        version: of the provider's software, where it says.
    """

    line_id: str
    workspace_id: str
    health: StoredHealth
    before: HealthStatus | None = None
    version: str | None = None

    @property
    def is_transition(self) -> bool:
        """Whether the line has changed."""
        return self.before is not self.health.status


class WatchedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line to look at.

    Args:
        line: the line.
        health: how it was; ``None`` where it was never looked at.
    """

    line: Line
    health: StoredHealth | None = None


class LineHealthStore:
    """Reads and writes how lines are.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with majority write concern and aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._lines = database[LINES]
        self._history = database[LINE_HEALTH]

    def watched(self) -> list[WatchedLine]:
        """Every active line of every workspace."""
        with mongo_errors():
            return [_watched_of(found) for found in self._lines.find({"status": LineStatus.ACTIVE.value}, _FIELDS)]

    def record(self, looks: Sequence[LineLook]) -> None:
        """Stores looks: each as history, and as the line's health unless a later one is there already."""
        if not looks:
            return
        with mongo_errors():
            self._lines.bulk_write([_update(look) for look in looks], ordered=False)
            self._history.insert_many([_history_row(look) for look in looks], ordered=False)

    def history(self, line_id: str, *, since: datetime, limit: int = 1_000) -> list[Mapping[str, Any]]:
        """The looks at a line since a moment, newest first."""
        wanted = {"lineId": stored_id(line_id), "at": {"$gte": since}}
        with mongo_errors():
            return list(self._history.find(wanted, {"_id": 0, "lineId": 0}).sort("at", -1).limit(limit))


_FIELDS: Final = {
    "workspaceId": 1,
    "name": 1,
    "address": 1,
    "provider": 1,
    "serverUrl": 1,
    "credentials": 1,
    "health": 1,
}


def _watched_of(document: Mapping[str, Any]) -> WatchedLine:
    return WatchedLine(
        line=Line(
            line_id=str(document["_id"]),
            workspace_id=str(document.get("workspaceId") or ""),
            name=str(document.get("name") or ""),
            address=str(document.get("address") or ""),
            provider=str(document.get("provider") or ""),
            server_url=str(document.get("serverUrl") or ""),
            credentials=str(document.get("credentials") or ""),
        ),
        health=_health_of(document.get("health")),
    )


def _health_of(stored: object) -> StoredHealth | None:
    if not isinstance(stored, Mapping):
        return None
    try:
        return StoredHealth(
            status=HealthStatus(str(stored.get("status"))),
            checked_at=stored["checkedAt"],
            latency_ms=stored.get("latencyMs"),
            consecutive_failures=int(stored.get("consecutiveFailures") or 0),
            consecutive_successes=int(stored.get("consecutiveSuccesses") or 0),
            reason=stored.get("reason"),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _update(look: LineLook) -> UpdateOne:
    health = look.health
    stored: Document = {
        "status": health.status.value,
        "checkedAt": health.checked_at,
        "latencyMs": health.latency_ms,
        "consecutiveFailures": health.consecutive_failures,
        "consecutiveSuccesses": health.consecutive_successes,
    }
    if health.reason is not None:
        stored["reason"] = health.reason
    not_older = {"$or": [{"health.checkedAt": {"$lt": health.checked_at}}, {"health.checkedAt": None}]}
    return UpdateOne({"_id": stored_id(look.line_id), **not_older}, {"$set": {"health": stored}})


def _history_row(look: LineLook) -> Document:
    health = look.health
    row: Document = {
        "at": health.checked_at,
        "lineId": stored_id(look.line_id),
        "workspaceId": look.workspace_id,
        "status": health.status.value,
        "latencyMs": health.latency_ms,
    }
    for name, value in (("reason", health.reason), ("version", look.version)):
        if value is not None:
            row[name] = value
    if look.is_transition:
        row["before"] = look.before.value if look.before else None
    return row
