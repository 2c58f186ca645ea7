"""Lines as the dashboard shows them. Reads ``lines`` and ``lineHealth``."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.database import Database

from libs.common.stores.collections import LINE_HEALTH, LINES
from libs.common.stores.ids import either_form
from libs.common.stores.lines import HealthStatus, LineStatus
from libs.common.stores.mongo import Document, mongo_errors
from libs.common.stores.sending_lines import line_of

MOST_LINES: Final = 500
LOOKED_BACK: Final = timedelta(hours=6)
_LOOKS_PER_LINE: Final = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """A line.

    Args:
        line_id: its id.
        workspace_id: whose it is.
        label: its name, or else its address.
        address: its own number or address.
        provider: which protocol it speaks.
        status: what its owner wants of it.
        health: what the last look concluded; ``None`` before the first.
        checked_at: when that was.
        latency_ms: how long its answer took, in milliseconds.
        reason: what is wrong with it.
        limits: what it may do, as ``(what, how much)``; empty where it has no limits.
        quiet: its quiet hours in words; empty for none.
        problem: what in its settings cannot be read.
        history: the health at each of the last looks, oldest first.
    """

    line_id: str
    workspace_id: str
    label: str
    address: str
    provider: str
    status: LineStatus
    health: HealthStatus | None = None
    checked_at: datetime | None = None
    latency_ms: float | None = None
    reason: str | None = None
    limits: Sequence[tuple[str, int]] = ()
    quiet: str = ""
    problem: str | None = None
    history: Sequence[str] = ()


class LineReader:
    """Reads the lines of all workspaces.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with aware datetimes.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._lines = database[LINES]
        self._looks = database[LINE_HEALTH]

    def all(self, workspace_id: str | None = None) -> list[LineRow]:
        """Every line that is not retired, up to :data:`MOST_LINES`, without its history; the worst first.

        Args:
            workspace_id: only this workspace's.
        """
        return sorted((_row_of(document, ()) for document in self._found(workspace_id)), key=_worst_first)

    def all_with_history(self, now: datetime, workspace_id: str | None = None) -> list[LineRow]:
        """As :meth:`all`, with the health at each look of the last hours."""
        documents = self._found(workspace_id)
        looks: defaultdict[str, list[str]] = defaultdict(list)
        wanted = {
            "lineId": {"$in": [form for document in documents for form in either_form(str(document["_id"]))]},
            "at": {"$gte": now - LOOKED_BACK},
        }
        with mongo_errors():
            for look in self._looks.find(wanted, {"lineId": 1, "status": 1}).sort("at", 1):
                looks[str(look.get("lineId"))].append(str(look.get("status")))
        rows = [_row_of(document, looks[str(document["_id"])][-_LOOKS_PER_LINE:]) for document in documents]
        return sorted(rows, key=_worst_first)

    def _found(self, workspace_id: str | None) -> list[Document]:
        wanted: Document = {"status": {"$ne": LineStatus.RETIRED.value}}
        if workspace_id is not None:
            wanted["workspaceId"] = workspace_id
        with mongo_errors():
            return list(self._lines.find(wanted, _WITHOUT_SECRETS).limit(MOST_LINES))


_WITHOUT_SECRETS: Final = {"credentials": 0, "serverUrl": 0}
_ORDER: Final = {HealthStatus.DOWN: 0, HealthStatus.DEGRADED: 1, None: 2, HealthStatus.UP: 3}


def _worst_first(line: LineRow) -> tuple[bool, int, str, str]:
    return line.status is not LineStatus.ACTIVE, _ORDER[line.health], line.workspace_id, line.label


def _row_of(document: Mapping[str, Any], history: Sequence[str]) -> LineRow:
    line = line_of({"workspaceId": "", **document})
    health = document.get("health")
    health = health if isinstance(health, Mapping) else {}
    checked_at, latency = health.get("checkedAt"), health.get("latencyMs")
    limits = line.budget.limits
    named = (
        ("a minute", limits.per_minute),
        ("a day", limits.per_day),
        ("new people a day", limits.new_conversations_per_day),
    )
    quiet = line.budget.quiet
    return LineRow(
        line_id=line.line_id,
        workspace_id=line.workspace_id,
        label=str(document.get("name") or line.address or line.line_id),
        address=line.address,
        provider=line.provider,
        status=line.status,
        health=line.health,
        checked_at=checked_at if isinstance(checked_at, datetime) else None,
        latency_ms=float(latency) if isinstance(latency, int | float) else None,
        reason=str(health["reason"]) if health.get("reason") else None,
        limits=tuple((what, limit) for what, limit in named if limit is not None),
        quiet=f"{quiet.start:%H:%M} to {quiet.end:%H:%M} {line.budget.zone.key}" if quiet else "",
        problem=line.problem,
        history=tuple(history),
    )
