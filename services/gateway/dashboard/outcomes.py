"""What a run found out about each lead of its list: page by page for a page, row by row for a CSV file."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from bson import ObjectId
from bson.errors import InvalidId
from pymongo.database import Database

from libs.common.jobs.bulk_availability import MAX_LEADS
from libs.common.ledger.history import HistoricJob
from libs.common.stores.collections import LEADS
from libs.common.stores.leads import AvailabilityStatus
from libs.common.stores.mongo import Document, mongo_errors

OPEN: Final = "open"
"""Not answered: the run has not come to it, or the part of the run that held it failed."""
LATER: Final = "later"
"""A later run has asked about the lead again; its answer has taken the place of this run's."""
MISSING: Final = "missing"
"""There is no such lead in the workspace."""

OUTCOMES: Final = (*(status.value for status in AvailabilityStatus), OPEN, LATER, MISSING)
FAILED: Final = frozenset({AvailabilityStatus.UNKNOWN.value, OPEN})
"""Outcomes that another run may better."""

LOOKED_AT: Final = 10_000
"""So many leads are looked at for a page at most, however few of them have the outcome that is asked for."""
_BATCH: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadOutcome:
    """What is known of a lead by a run.

    Args:
        lead_id: the lead.
        outcome: one of :data:`OUTCOMES`.
        name: how it is called.
        phone: as it was written down.
        email: likewise.
        handle: the handle that decided.
        service: what it can be reached by.
        reason: why it is unknown or invalid.
        line_id: the line that answered.
        checked_at: when.
    """

    lead_id: str
    outcome: str
    name: str = ""
    phone: str = ""
    email: str = ""
    handle: str = ""
    service: str = ""
    reason: str = ""
    line_id: str = ""
    checked_at: datetime | None = None


class LeadIds(Protocol):
    """Knows a run's leads; :class:`services.gateway.dashboard.history.ListHistory` does."""

    def lead_ids(self, job_id: str, *, start: int = 0, count: int) -> list[str]:
        """The ids of a run's leads from place ``start`` on."""
        ...


class OutcomeReader:
    """Reads ``leads``.

    Every method raises :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        database: with aware datetimes.
        ids: knows which leads a run is over.
    """

    def __init__(self, database: Database[Document], ids: LeadIds) -> None:
        self._leads = database[LEADS]
        self._ids = ids

    def page(
        self, run: HistoricJob, *, outcome: str = "", start: int = 0, limit: int
    ) -> tuple[list[LeadOutcome], int | None]:
        """Leads from place ``start`` on that have an outcome, and the place behind them where there may be more.

        Args:
            run: the run.
            outcome: only those; empty for every one.
            start: the first place of the list to look at.
            limit: the most to answer.
        """
        found: list[LeadOutcome] = []
        place = start
        while place - start < LOOKED_AT:
            ids = self._ids.lead_ids(run.job_id, start=place, count=_BATCH if outcome else limit)
            for row in self._of(ids, run):
                if len(found) == limit:
                    return found, place
                place += 1
                if not outcome or row.outcome == outcome:
                    found.append(row)
            if len(ids) < (_BATCH if outcome else limit):
                return found, None
        return found, place

    def every(self, run: HistoricJob) -> Iterator[LeadOutcome]:
        """All leads of a run, in the order of its list."""
        ids = self._ids.lead_ids(run.job_id, count=MAX_LEADS)
        for start in range(0, len(ids), _BATCH):
            yield from self._of(ids[start : start + _BATCH], run)

    def _of(self, lead_ids: Sequence[str], run: HistoricJob) -> list[LeadOutcome]:
        keys = [key for lead_id in lead_ids if (key := _key(lead_id)) is not None]
        wanted = {"_id": {"$in": keys}, "workspaceId": run.workspace_id}
        with mongo_errors():
            there = {str(lead["_id"]): lead for lead in self._leads.find(wanted, _SHOWN, batch_size=_BATCH)}
        return [_outcome(lead_id, there.get(lead_id.lower()), run) for lead_id in lead_ids]


_SHOWN: Final = {"firstName": 1, "lastName": 1, "phone": 1, "email": 1, "availability": 1}


def _key(lead_id: str) -> ObjectId | None:
    try:
        return ObjectId(lead_id)
    except InvalidId:
        return None


def _outcome(lead_id: str, lead: Mapping[str, Any] | None, run: HistoricJob) -> LeadOutcome:
    if lead is None:
        return LeadOutcome(lead_id=lead_id, outcome=MISSING)
    name = " ".join(_text(lead, part) for part in ("firstName", "lastName")).strip()
    who = LeadOutcome(lead_id=lead_id, outcome=OPEN, name=name, phone=_text(lead, "phone"), email=_text(lead, "email"))
    answer = lead.get("availability")
    answer = answer if isinstance(answer, Mapping) else {}
    checked_at = answer.get("checkedAt")
    if answer.get("runId") != run.job_id:
        is_later = isinstance(checked_at, datetime) and checked_at >= run.created_at
        return replace(who, outcome=LATER) if is_later else who
    return replace(
        who,
        outcome=_text(answer, "status") or OPEN,
        handle=_text(answer, "handle"),
        service=_text(answer, "service"),
        reason=_text(answer, "reason"),
        line_id=_text(answer, "lineId"),
        checked_at=checked_at if isinstance(checked_at, datetime) else None,
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return "" if value is None else str(value)


_COLUMNS: Final = (
    ("leadId", "lead_id"),
    ("outcome", "outcome"),
    ("name", "name"),
    ("phone", "phone"),
    ("email", "email"),
    ("handle", "handle"),
    ("service", "service"),
    ("reason", "reason"),
    ("lineId", "line_id"),
    ("checkedAt", "checked_at"),
)
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_PHONE: Final = re.compile(r"\+[\d ().-]+")


def csv_lines(rows: Iterable[LeadOutcome]) -> Iterator[str]:
    """The rows as lines of a CSV file (RFC 4180), its header first.

    Text that a spreadsheet would run as a formula gets an apostrophe before it
    (https://owasp.org/www-community/attacks/CSV_Injection); a phone number in its usual form is left as it is.
    """
    yield _line([title for title, _ in _COLUMNS])
    for row in rows:
        yield _line([_cell(getattr(row, name)) for _, name in _COLUMNS])


def _line(cells: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _PHONE.fullmatch(text) else text
