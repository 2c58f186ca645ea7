"""Salesforce contacts or leads, through ``simple-salesforce``.

Rows are read in the order of their ids, each query beginning behind the last id of the one before: a run can go on in
another process without a server-side cursor, which Salesforce forgets. A large full run goes through a Bulk API 2.0
query job, whose result stays as it was when the job was made and can be read again from any locator. Incremental runs
ask for ``SystemModstamp``, which also moves with changes that no person made, and see deleted rows.

Facts: Bulk API 2.0 guide (query jobs, their states, ``Sforce-Locator``); REST API guide (``query``, ``queryAll``,
status codes). Whether later pages of a bulk result repeat the header line is not documented: both are accepted.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.util import call_salesforce

from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.integrations.model import Integration
from services.sync.rules.field_map import FieldMap, read_field_map
from services.sync.rules.rows import SourceRow
from services.sync.sources.answers import refusal
from services.sync.sources.calls import Calls, translated
from services.sync.sources.contract import (
    Account,
    NotThere,
    Page,
    Position,
    PositionLost,
    RateLimited,
    SourceError,
    SourceField,
    SourceUnavailable,
    WrongRequest,
)
from services.sync.sources.http_session import CrmSession
from services.sync.sources.pauses import Pauses
from services.sync.sources.salesforce_tokens import INSTANCE_URL
from services.sync.sources.tokens import ACCESS_TOKEN

_ROWS: Final = 2_000
_FIELD_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_TOTAL_LIMIT_WAIT: Final = timedelta(minutes=15)
"""Calls are counted over the last 24 hours, so some come back all the time."""

_CONCURRENT_LIMIT_WAIT: Final = timedelta(seconds=5)


class _QueryAt(msgspec.Struct, frozen=True, tag="query", rename="camel"):
    since: str = ""
    """A SOQL date time; empty for all rows."""
    after_id: str = ""


class _BulkAt(msgspec.Struct, frozen=True, tag="bulk", rename="camel"):
    job_id: str = ""
    """Empty before the job was made."""
    locator: str | None = None
    """``None`` before the job was seen to be complete."""
    polls: int = 0


class SalesforceSource:
    """The rows of one object of one organisation.

    Args:
        integration: whose field map and settings hold.
        calls: makes calls.
        pauses: ends waits.
        clock: tells the time.

    Raises:
        InvalidInput: the field map names something that is no field name.
    """

    has_unique_ids = True
    has_change_stamps = True
    overlap = timedelta(minutes=15)
    """A row's stamp is set when it is saved, but it shows when its transaction is done, minutes later in bulk loads."""

    def __init__(self, integration: Integration, *, calls: Calls, pauses: Pauses, clock: Clock) -> None:
        settings = integration.settings
        self._map = read_field_map(integration.field_map, integration.provider)
        for name in self._map.source_fields:
            if not _FIELD_NAME.fullmatch(name):
                raise InvalidInput("fieldMap", f"{name!r} is not the name of a field of Salesforce")
        self._calls = calls
        self._pauses = pauses
        self._clock = clock
        self._object = settings.object
        self._bulk_above = settings.bulk_above
        self._base_url = settings.base_url
        self._per_second = settings.calls_per_second or 0.0
        self._columns = ["Id", *(name for name in self._map.source_fields if name != "Id")]
        self._client: Any = None
        self._session: CrmSession | None = None

    def account(self) -> Account:
        """The object's fields."""
        described = self._make(lambda client: client.restful(f"sobjects/{self._object}/describe"))
        fields = [
            SourceField(name=each["name"], label=each["label"], kind=each["type"]) for each in described["fields"]
        ]
        return Account(name=f"Salesforce: {described['label']}", fields=fields)

    def field_map(self) -> FieldMap:
        """The integration's field map over the defaults for contacts and leads."""
        return self._map

    def begin(self, since: datetime | None) -> Position:
        """The first query; a bulk job, where everything is read and that is much."""
        if since is not None:
            return _position(_QueryAt(since=since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
        start = _QueryAt()
        count = self._count(start)
        return _position(_BulkAt() if count >= self._bulk_above else start)

    def total(self, position: Position) -> int | None:
        """How many rows the query counts."""
        at = _read_position(position)
        return self._count(at if isinstance(at, _QueryAt) else _QueryAt())

    def read(self, position: Position) -> Page:
        """The page at a position."""
        at = _read_position(position)
        if isinstance(at, _QueryAt):
            return self._queried(at)
        if not at.job_id:
            return self._begun()
        return self._awaited(at) if at.locator is None else self._results(at.job_id, at.locator)

    def rows_before(self, position: Position) -> Iterable[Sequence[SourceRow]]:  # noqa: ARG002 - ids are unique here
        """None: ids are unique."""
        return ()

    def stop(self) -> None:
        """Ends waits."""
        self._pauses.stop()

    def close(self) -> None:
        """Closes the session."""
        if self._session:
            self._session.close()

    def _count(self, at: _QueryAt) -> int:
        soql = f"SELECT COUNT() FROM {self._object}{_where(at)}"  # noqa: S608 - names are checked by pattern
        return int(self._make(lambda client: client.query(soql, include_deleted=bool(at.since)))["totalSize"])

    def _queried(self, at: _QueryAt) -> Page:
        columns = ", ".join([*self._columns, "IsDeleted"])
        soql = f"SELECT {columns} FROM {self._object}{_where(at)} ORDER BY Id LIMIT {_ROWS}"  # noqa: S608 - see above
        found = self._make(lambda client: client.query(soql, include_deleted=bool(at.since)))
        records = found["records"]
        rows = [_row({name: _text(value) for name, value in each.items() if name != "attributes"}) for each in records]
        if not records or (found["done"] and len(records) < _ROWS):
            return Page(rows=rows, next=None)
        # Also where the answer is the first part of a longer one: the next query goes on behind it all the same.
        return Page(rows=rows, next=_position(_QueryAt(since=at.since, after_id=records[-1]["Id"])))

    def _begun(self) -> Page:
        soql = f"SELECT {', '.join(self._columns)} FROM {self._object}"  # noqa: S608 - see above
        job = self._make(
            lambda client: client.restful("jobs/query", method="POST", json={"operation": "query", "query": soql})
        )
        return Page(rows=(), next=_position(_BulkAt(job_id=job["id"])), wait=timedelta(seconds=1))

    def _awaited(self, at: _BulkAt) -> Page:
        try:
            job = self._make(lambda client: client.restful(f"jobs/query/{at.job_id}"))
        except NotThere as gone:
            raise PositionLost("the query job is gone") from gone
        state = job["state"]
        if state == "JobComplete":
            return self._results(at.job_id, "")
        if state == "Failed":
            raise WrongRequest(f"the query job failed: {job.get('errorMessage', 'no reason given')}")
        if state == "Aborted":
            raise PositionLost("the query job was aborted")
        waiting = _BulkAt(job_id=at.job_id, polls=at.polls + 1)
        # Short at first; a job that takes minutes is looked after twice a minute.
        wait = timedelta(seconds=min(30.0, 1.0 * 1.5**at.polls))
        return Page(rows=(), next=_position(waiting), wait=wait)

    def _results(self, job_id: str, locator: str) -> Page:
        params = {"maxRecords": str(_ROWS), **({"locator": locator} if locator else {})}

        def call(client: Any) -> requests.Response:
            return call_salesforce(
                url=f"{client.bulk2_url}query/{job_id}/results",
                method="GET",
                session=client.session,
                headers={**client.headers, "Accept": "text/csv"},
                params=params,
            )

        try:
            answer = self._make(call)
        except NotThere as gone:
            raise PositionLost("the query job is gone") from gone
        following = answer.headers.get("Sforce-Locator", "null")
        rows = [_row(values) for values in _csv_rows(answer.content.decode(), self._columns)]
        if following in ("null", ""):
            return Page(rows=rows, next=None)
        return Page(rows=rows, next=_position(_BulkAt(job_id=job_id, locator=following)))

    def _make(self, call: Callable[[Any], Any]) -> Any:
        def with_client(access: Mapping[str, str]) -> Any:
            client = self._client_for(access)
            with translated(self._meaning):
                return call(client)

        return self._calls.make(with_client, kind="call", per_second=self._per_second)

    def _client_for(self, access: Mapping[str, str]) -> Any:
        token = access[ACCESS_TOKEN]
        if self._client is None or self._client.session_id != token:
            instance_url = access.get(INSTANCE_URL) or access.get("instanceUrl") or self._base_url
            if self._session is None:
                self._session = CrmSession(instance_url.replace("http://", "https://"), self._base_url)
            self._client = Salesforce(instance_url=instance_url, session_id=token, session=self._session)
        return self._client

    def _meaning(self, error: Exception) -> SourceError | None:
        if isinstance(error, SalesforceError):
            headers = self._session.last_headers if self._session else {}
            return salesforce_refusal(error.status, error.content, headers=headers, now=self._clock.now())
        if isinstance(error, requests.RequestException):
            return SourceUnavailable(f"Salesforce did not answer: {type(error).__name__}")
        # The client decodes answers without looking at their form.
        unreadable = isinstance(error, ValueError | KeyError | TypeError)
        return SourceUnavailable("Salesforce's answer cannot be read") if unreadable else None


def salesforce_refusal(status: int, content: object, *, headers: Mapping[str, str], now: datetime) -> SourceError:
    """What an error answer of Salesforce means.

    Args:
        status: the HTTP status.
        content: the body, decoded: a list of ``{errorCode, message}``, or a proxy's page.
        headers: of the answer.
        now: aware.
    """
    first = content[0] if isinstance(content, list) and content and isinstance(content[0], Mapping) else {}
    code, message = str(first.get("errorCode", "")), str(first.get("message", "")).strip()
    if code == "REQUEST_LIMIT_EXCEEDED":
        wait = _CONCURRENT_LIMIT_WAIT if "Concurrent" in message else _TOTAL_LIMIT_WAIT
        limited = refusal(429, message, headers=headers, now=now, usual_wait=wait, limit=f"Salesforce: {message}")
        return limited if isinstance(limited, RateLimited) else SourceUnavailable(message)
    if code in ("INVALID_QUERY_LOCATOR", "INVALIDJOBSTATE"):
        return PositionLost(message)
    return refusal(status, f"{code}: {message}", headers=headers, now=now, usual_wait=_CONCURRENT_LIMIT_WAIT)


def _where(at: _QueryAt) -> str:
    conditions = []
    if at.since:
        conditions.append(f"SystemModstamp >= {at.since}")
    if at.after_id:
        conditions.append(f"Id > '{at.after_id}'")
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _csv_rows(text: str, columns: Sequence[str]) -> Iterable[dict[str, str]]:
    lines = csv.reader(io.StringIO(text))
    header = [name.lower() for name in columns]
    for place, line in enumerate(lines):
        if place == 0 and [name.lower() for name in line] == header:
            continue
        yield dict(zip(columns, line, strict=True))


def _row(values: Mapping[str, str | None]) -> SourceRow:
    row_id = values["Id"] or ""
    return SourceRow(place=row_id, external_id=row_id, values=values, removed=values.get("IsDeleted") == "true")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _position(at: _QueryAt | _BulkAt) -> Position:
    position: Position = msgspec.to_builtins(at)
    return position


def _read_position(position: Position) -> _QueryAt | _BulkAt:
    return msgspec.convert(position, _QueryAt | _BulkAt)
