"""Lines: a workspace's phones, each reachable through a provider's server. What of ``lines`` is read where."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from bson import ObjectId
from pymongo.database import Database

from libs.common.stores.collections import LINES
from libs.common.stores.mongo import Document, mongo_errors


class LineStatus(StrEnum):
    """What a line's owner wants of it."""

    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"


class HealthStatus(StrEnum):
    """What the health check last concluded of a line."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


class LineLimits(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How much a line may do; ``None`` where the line sets no limit of its own."""

    per_minute: int | None = None
    """Messages a minute."""
    per_day: int | None = None
    """Messages a day."""
    new_conversations_per_day: int | None = None
    """People written to for the first time, a day."""
    checks_per_second: float | None = None
    """Availability questions a second."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line, as far as asking through it needs to know it."""

    line_id: str
    workspace_id: str
    provider: str
    server_url: str
    credentials: str
    """Sealed; see :class:`libs.common.credentials.CredentialsVault`."""
    name: str = ""
    address: str = ""
    """The line's own number or e-mail address."""
    limits: LineLimits = LineLimits()
    health: HealthStatus | None = None
    """``None`` before the first health check."""

    @property
    def record(self) -> str:
        """What its credentials are sealed for."""
        return line_record(self.line_id)


def line_record(line_id: str) -> str:
    """The record that a line's credentials are sealed for."""
    return f"{LINES}/{line_id}"


_FIELDS = {
    "workspaceId": 1,
    "name": 1,
    "address": 1,
    "provider": 1,
    "serverUrl": 1,
    "credentials": 1,
    "limits": 1,
    "health.status": 1,
}


class LineStore:
    """Reads lines.

    Args:
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._lines = database[LINES]

    def active(self, workspace_id: str) -> list[Line]:
        """The workspace's active lines, sorted by id, whatever their health.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        wanted = {"workspaceId": workspace_id, "status": LineStatus.ACTIVE.value}
        with mongo_errors():
            return sorted(map(_line_of, self._lines.find(wanted, _FIELDS)), key=lambda line: line.line_id)

    def by_ids(self, line_ids: Sequence[str]) -> list[Line]:
        """The lines of these ids that there are.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        wanted = {"_id": {"$in": [ObjectId(line_id) for line_id in line_ids]}}
        with mongo_errors():
            return [_line_of(document) for document in self._lines.find(wanted, _FIELDS)]


def _line_of(document: Mapping[str, Any]) -> Line:
    return Line(
        line_id=str(document["_id"]),
        workspace_id=document["workspaceId"],
        name=document.get("name") or "",
        address=document.get("address") or "",
        provider=document.get("provider") or "",
        server_url=document.get("serverUrl") or "",
        credentials=document.get("credentials") or "",
        limits=_limits_of(document.get("limits")),
        health=_health_of(document.get("health")),
    )


def _limits_of(stored: object) -> LineLimits:
    # A limit that cannot be read counts as not set: a typing slip in one line must not stop a workspace's work.
    if not isinstance(stored, Mapping):
        return LineLimits()
    numbers = {name: value for name, value in stored.items() if isinstance(value, int | float) and value > 0}
    try:
        return msgspec.convert(numbers, LineLimits, strict=False)
    except msgspec.ValidationError:
        return LineLimits()


def _health_of(stored: object) -> HealthStatus | None:
    status = stored.get("status") if isinstance(stored, Mapping) else None
    try:
        return HealthStatus(str(status)) if status else None
    except ValueError:
        return None
