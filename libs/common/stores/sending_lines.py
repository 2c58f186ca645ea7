"""Lines as sending needs them: what they may bear, when they are quiet, how they are. Reads ``lines``.

What is written wrong is read so that nothing goes out by mistake: a limit that is no number counts as none allowed,
and a line whose quiet hours or time zone cannot be read is not used at all.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pymongo.database import Database

from libs.common.budgets.contract import LineBudget
from libs.common.budgets.limits import LineLimits, WarmUp
from libs.common.budgets.quiet_hours import QuietHours
from libs.common.stores.collections import LINES
from libs.common.stores.lines import HealthStatus, LineStatus, line_record
from libs.common.stores.mongo import Document, mongo_errors

UTC_ZONE: Final = ZoneInfo("UTC")

_PROVIDER_LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    # docs.sendblue.com, "Limits": one message a second per line, 50 new contacts a day.
    "sendblue": {"perMinute": 60, "newConversationsPerDay": 50},
}
"""What a provider allows where the line says nothing."""


class SendingLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line.

    Args:
        line_id: its id.
        workspace_id: whose it is.
        provider: which protocol it speaks.
        server_url: where its provider's server is.
        credentials: sealed.
        address: its own number or address.
        status: what its owner wants of it.
        health: what the health check last concluded; ``None`` before the first one.
        budget: what it may bear.
        problem: what in its settings cannot be read; it is not used then.
    """

    line_id: str
    workspace_id: str
    provider: str
    server_url: str
    credentials: str
    address: str
    status: LineStatus
    health: HealthStatus | None
    budget: LineBudget
    problem: str | None = None

    @property
    def record(self) -> str:
        """What its credentials are sealed for."""
        return line_record(self.line_id)


class SendingLineStore:
    """Reads the lines of a workspace.

    Args:
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._lines = database[LINES]

    def of_workspace(self, workspace_id: str) -> list[SendingLine]:
        """All lines of a workspace, whatever their state, sorted by id.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        with mongo_errors():
            found = [line_of(document) for document in self._lines.find({"workspaceId": workspace_id}, _FIELDS)]
        return sorted(found, key=lambda line: line.line_id)


_FIELDS: Final = {
    "workspaceId": 1,
    "provider": 1,
    "serverUrl": 1,
    "credentials": 1,
    "address": 1,
    "status": 1,
    "limits": 1,
    "quietHours": 1,
    "timezone": 1,
    "warmUp": 1,
    "health.status": 1,
}


class _Unreadable(ValueError):
    pass


def line_of(document: Mapping[str, Any]) -> SendingLine:
    """The line that a document holds."""
    problem: str | None = None
    quiet, zone, warm_up = None, UTC_ZONE, None
    try:
        zone = _zone_of(document)
        quiet = _quiet_of(document.get("quietHours"))
        warm_up = _warm_up_of(document.get("warmUp"), zone)
    except _Unreadable as error:
        problem = str(error)
    provider = str(document.get("provider") or "")
    return SendingLine(
        line_id=str(document["_id"]),
        workspace_id=str(document["workspaceId"]),
        provider=provider,
        server_url=str(document.get("serverUrl") or ""),
        credentials=str(document.get("credentials") or ""),
        address=str(document.get("address") or ""),
        status=_status_of(document.get("status")),
        health=_health_of(document.get("health")),
        budget=LineBudget(
            line_id=str(document["_id"]),
            zone=zone,
            limits=_limits_of(document.get("limits"), provider),
            quiet=quiet,
            warm_up=warm_up,
        ),
        problem=problem,
    )


def _status_of(stored: object) -> LineStatus:
    try:
        return LineStatus(str(stored))
    except ValueError:
        return LineStatus.PAUSED


def _health_of(stored: object) -> HealthStatus | None:
    status = stored.get("status") if isinstance(stored, Mapping) else None
    try:
        return HealthStatus(str(status)) if status else None
    except ValueError:
        return None


def _limits_of(stored: object, provider: str) -> LineLimits:
    own = stored if isinstance(stored, Mapping) else {}
    limits = {**_PROVIDER_LIMITS.get(provider, {}), **{name: value for name, value in own.items() if value is not None}}
    return LineLimits(
        per_minute=_limit_of(limits, "perMinute"),
        per_day=_limit_of(limits, "perDay"),
        new_conversations_per_day=_limit_of(limits, "newConversationsPerDay"),
    )


def _limit_of(limits: Mapping[str, object], name: str) -> int | None:
    value = limits.get(name)
    if value is None:
        return None
    return max(0, int(value)) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _zone_of(document: Mapping[str, Any]) -> ZoneInfo:
    quiet = document.get("quietHours")
    name = (quiet.get("timezone") if isinstance(quiet, Mapping) else None) or document.get("timezone")
    if not name:
        return UTC_ZONE
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _Unreadable(f"quietHours.timezone: there is no time zone {name!r}") from error


def _quiet_of(stored: object) -> QuietHours | None:
    if stored is None:
        return None
    if not isinstance(stored, Mapping):
        raise _Unreadable("quietHours: expected an object with start, end and timezone")
    return QuietHours(start=_time_of(stored, "start"), end=_time_of(stored, "end"))


def _time_of(stored: Mapping[str, Any], name: str) -> time:
    value = stored.get(name)
    try:
        wall = time.fromisoformat(str(value))
    except ValueError as error:
        raise _Unreadable(f"quietHours.{name}: expected a time such as 21:00, got {value!r}") from error
    return wall.replace(tzinfo=None, second=0, microsecond=0)


def _warm_up_of(stored: object, zone: ZoneInfo) -> WarmUp | None:
    if stored is None:
        return None
    started = stored.get("startedAt") if isinstance(stored, Mapping) else None
    if not isinstance(stored, Mapping) or not isinstance(started, datetime):
        raise _Unreadable("warmUp: expected an object with startedAt, a date")
    aware = started if started.tzinfo else started.replace(tzinfo=UTC)
    first_day: date = aware.astimezone(zone).date()
    days, share = stored.get("days", 14), stored.get("initialShare", 0.1)
    if not isinstance(days, int) or days < 1 or not isinstance(share, int | float) or not 0 < share <= 1:
        raise _Unreadable("warmUp: expected days of at least 1 and an initialShare above 0 and up to 1")
    return WarmUp(first_day=first_day, days=days, initial_share=float(share))
