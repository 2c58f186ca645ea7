"""Bulk API 2.0 query jobs: their states, and their results in pages of CSV.

Confirmed in the Bulk API 2.0 guide (Get Results for a Query Job, Job States, Step 6: Query Jobs): the members of a job,
`UploadComplete`, `InProgress`, `JobComplete`, `Failed`, `Aborted`; every value quoted; `Sforce-Locator` with the word
`null` at the end; a locator does not change while its job exists and may be fetched again; results asked for with
another API version than the job's answer 409. Clients' fixtures and simple-salesforce's own manual have the header line
on every page, so that is the default; the guide does not say so, and it can be turned off. What an answer before
`JobComplete` looks like is not confirmed.

A job's result is the table as it was when the job was made.
"""

import base64
import binascii
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from libs.simulators.crm import instants
from libs.simulators.crm.conditions import select
from libs.simulators.crm.ordering import Selection
from libs.simulators.crm.table import Layer, Table
from libs.simulators.salesforce.errors import SalesforceError, bad_job_state, bad_locator, not_found, wrong_version
from libs.simulators.salesforce.ids import record_id
from libs.simulators.salesforce.soql import Query, parse

_DELIMITERS: Final = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_LINE_ENDINGS: Final = {"LF": "\n", "CRLF": "\r\n"}
_PAGE: Final = 50_000


class JobRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The body that makes a job."""

    operation: str
    query: str
    column_delimiter: str = "COMMA"
    line_ending: str = "LF"
    content_type: str = "CSV"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of results: the CSV, how many records it holds, and the locator of the next one or `null`."""

    csv: bytes
    records: int
    locator: str


@dataclass(kw_only=True)
class Job:
    """One query job."""

    id: str
    request: JobRequest
    query: Query
    table: Table
    layer: Layer
    selection: Selection
    version: str
    made_ms: int
    polls_left: int
    state: str = "UploadComplete"
    error: str | None = None

    @property
    def total(self) -> int:
        """How many records the whole result has."""
        left = max(self.selection.total - self.query.offset, 0)
        return left if self.query.limit is None else min(left, self.query.limit)

    def shown(self) -> dict[str, Any]:
        """Return the job as the API describes it."""
        body: dict[str, Any] = {
            "id": self.id,
            "operation": self.request.operation,
            "object": self.query.entity.name,
            "createdById": "0055g000000AAAAAAA",
            "createdDate": instants.millis(self.made_ms, "+0000"),
            "systemModstamp": instants.millis(self.made_ms, "+0000"),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
            "lineEnding": self.request.line_ending,
            "columnDelimiter": self.request.column_delimiter,
        }
        if self.state != "UploadComplete":
            body |= {
                "jobType": "V2Query",
                "numberRecordsProcessed": self.total if self.state == "JobComplete" else 0,
                "retries": 0,
                "totalProcessingTime": 334,
                "isPkChunkingSupported": True,
            }
        if self.error is not None:
            body["errorMessage"] = self.error
        return body


@dataclass(kw_only=True)
class Jobs:
    """All query jobs of one organisation.

    Args:
        tables: the rows of each object by its lower-case name.
        polls: how often a job says that it is not done yet before it is.
        header_every_page: whether pages after the first one begin with the header line.
        now_ms: the time, for the jobs' stamps.

    """

    tables: dict[str, Table]
    polls: int = 1
    header_every_page: bool = True
    now_ms: Callable[[], int]
    _jobs: dict[str, Job] = field(default_factory=dict)
    _failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: int = 0

    def fail_next(self, message: str) -> None:
        """Let the next job end as `Failed` with a message."""
        with self._lock:
            self._failures.append(message)

    def create(self, body: bytes, version: str) -> Job:
        """Make a job.

        Raises:
            SalesforceError: 400 for a body or a query that cannot be read.

        """
        try:
            request = msgspec.json.decode(body, type=JobRequest)
        except msgspec.DecodeError as error:
            raise SalesforceError(400, "JSON_PARSER_ERROR", str(error)) from error
        if (
            request.operation not in ("query", "queryAll")
            or request.column_delimiter not in _DELIMITERS
            or request.line_ending not in _LINE_ENDINGS
        ):
            raise SalesforceError(400, "INVALIDJOB", "operation, columnDelimiter or lineEnding is not supported")
        query = parse(request.query)
        if not query.fields:
            raise SalesforceError(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
        table = self.tables[query.entity.name.lower()]
        layer = table.layer
        with self._lock:
            self._made += 1
            job = Job(
                id=record_id("750", self._made),
                request=request,
                query=query,
                table=table,
                layer=layer,
                selection=select(
                    table,
                    layer,
                    query.alternatives,
                    order=query.order,
                    include_deleted=request.operation == "queryAll",
                ),
                version=version,
                made_ms=self.now_ms(),
                polls_left=self.polls,
                error=self._failures.pop(0) if self._failures else None,
            )
            self._jobs[job.id] = job
        return job

    def poll(self, job_id: str) -> Job:
        """Return a job after moving it on by one step."""
        job = self._job(job_id)
        if job.state in ("UploadComplete", "InProgress"):
            if job.polls_left > 0:
                job.polls_left -= 1
                job.state = "InProgress"
            else:
                job.state = "JobComplete" if job.error is None else "Failed"
        return job

    def abort(self, job_id: str) -> Job:
        """End a job that is not done yet.

        Raises:
            SalesforceError: 400 where it is already over.

        """
        job = self._job(job_id)
        if job.state not in ("UploadComplete", "InProgress"):
            raise bad_job_state(f"Aborting already {job.state} job not allowed")
        job.state = "Aborted"
        return job

    def delete(self, job_id: str) -> None:
        """Forget a job and its results.

        Raises:
            SalesforceError: 400 while it is being processed.

        """
        if self._job(job_id).state == "InProgress":
            raise bad_job_state("Deleting InProgress job not allowed")
        with self._lock:
            self._jobs.pop(job_id, None)

    def all(self) -> list[Job]:
        """Return every job that was not deleted."""
        with self._lock:
            return list(self._jobs.values())

    def results(self, job_id: str, version: str, locator: str | None, max_records: str | None) -> Page:
        """Return one page of a job's results.

        Raises:
            SalesforceError: 400 before the job is complete or for a wrong locator, 404 for no such job, 409 for
                another version.

        """
        job = self._job(job_id)
        if job.version != version:
            raise wrong_version()
        if job.state != "JobComplete":
            raise bad_job_state(f"The job is {job.state}; its results are there when it is JobComplete")
        offset = _offset(locator)
        if offset and offset >= job.total:
            raise bad_locator()
        limit = int(max_records) if max_records is not None and max_records.isdigit() else _PAGE
        rows = job.selection.page(
            job.query.offset + offset, min(limit, job.total - offset), descending=job.query.descending
        )
        separator, end = _DELIMITERS[job.request.column_delimiter], _LINE_ENDINGS[job.request.line_ending]
        lines = [] if offset and not self.header_every_page else [_line((f.name for f in job.query.fields), separator)]
        writers = [each.csv for each in job.query.fields]
        for index in rows:
            row = job.table.row(index, job.layer)
            lines.append(_line((write(row) for write in writers), separator))
        after = offset + len(rows)
        return Page(
            csv=(end.join(lines) + end).encode() if lines else b"",
            records=len(rows),
            locator=base64.b64encode(str(after).encode()).decode().rstrip("=") if after < job.total else "null",
        )

    def _job(self, job_id: str) -> Job:
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise not_found("The requested resource does not exist")
        return job


def _line(values: Any, separator: str) -> str:
    return separator.join(f'"{value.replace(chr(34), chr(34) * 2)}"' for value in values)


def _offset(locator: str | None) -> int:
    if locator is None:
        return 0
    try:
        return int(base64.b64decode(locator + "=" * (-len(locator) % 4)))
    except (binascii.Error, ValueError) as error:
        raise bad_locator() from error
