"""What the tests of the engine are made of: stores on a real database, a source in memory, a job that only listens."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.integrations.model import Integration, IntegrationSettings, Provider
from libs.common.jobs.integration_sync import IntegrationSync, SyncMode
from libs.common.settings import Secret
from libs.common.stores.integrations import IntegrationStore, NewIntegration
from libs.common.stores.mongo import Document
from libs.common.stores.sync_runs import SyncRun, SyncRunStore
from services.sync.engine.attempt import EngineOptions, Stores
from services.sync.engine.run import SyncEngine
from services.sync.engine.threads import DaemonThreads
from services.sync.rules.field_map import DEFAULTS, FieldMap
from services.sync.rules.rows import SourceRow
from services.sync.sources.contract import Account, CrmSource, Page, Position
from services.sync.sources.factory import SourceFactory

WORKSPACE = "workspace-1"
VAULT = CredentialsVault(Secret(new_credentials_key()))
START = datetime(2024, 3, 4, 12, tzinfo=UTC)


class MovableClock:
    """A clock that moves by a millisecond whenever it is read, and further by hand."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def move(self, **by: float) -> None:
        self._now += timedelta(**by)


TestClock = MovableClock | SystemClock


class ListeningJob:
    """A job that keeps what it is told."""

    def __init__(self, job_id: str, *, attempt: int = 1, cancel_after_pages: int | None = None) -> None:
        self.job_id = job_id
        self.attempt = attempt
        self.max_attempts = 5
        self.progress: list[Mapping[str, Any]] = []
        self._cancel_after_pages = cancel_after_pages
        self._asked = 0

    def cancelled(self) -> bool:
        self._asked += 1
        return self._cancel_after_pages is not None and self._asked >= self._cancel_after_pages

    async def set_progress(self, values: Mapping[str, Any]) -> None:
        self.progress.append(values)


class MemorySource:
    """A CRM whose rows are a list in memory.

    ``faults`` are raised in place of the page with that number (from 0), once each.
    """

    overlap = timedelta(minutes=5)
    has_change_stamps = True

    def __init__(
        self,
        rows: Iterable[SourceRow],
        *,
        page_rows: int = 10,
        faults: Mapping[int, BaseException] | None = None,
        waits: Mapping[int, timedelta] | None = None,
        unique_ids: bool = True,
        after_read: Callable[[int], None] = lambda _page: None,
    ) -> None:
        self.rows = list(rows)
        self.has_unique_ids = unique_ids
        self.page_rows = page_rows
        self.faults = dict(faults or {})
        self.waits = dict(waits or {})
        self.reads: list[int] = []
        self.begun_since: list[datetime | None] = []
        self.changed: set[str] | None = None
        """The ids of the rows that changed, for incremental runs."""
        self.stopped = False
        self._after_read = after_read

    def account(self) -> Account:
        return Account(name="memory", fields=())

    def field_map(self) -> FieldMap:
        return DEFAULTS[Provider.HUBSPOT]

    def begin(self, since: datetime | None) -> Position:
        self.begun_since.append(since)
        return {"page": 0, "changed": since is not None}

    def total(self, position: Position) -> int | None:
        return len(self._rows(position))

    def read(self, position: Position) -> Page:
        page = position["page"]
        self.reads.append(page)
        if fault := self.faults.pop(page, None):
            raise fault
        rows = self._rows(position)
        start = page * self.page_rows
        self._after_read(page)
        following = {**position, "page": page + 1} if start + self.page_rows < len(rows) else None
        return Page(rows=rows[start : start + self.page_rows], next=following, wait=self.waits.get(page, timedelta()))

    def rows_before(self, position: Position) -> Iterable[Sequence[SourceRow]]:
        yield self._rows(position)[: position["page"] * self.page_rows]

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        pass

    def _rows(self, position: Position) -> list[SourceRow]:
        if position["changed"] and self.changed is not None:
            return [row for row in self.rows if row.external_id in self.changed]
        return self.rows


class OneSource:
    """Opens the same source for every integration."""

    def __init__(self, source: CrmSource) -> None:
        self._source = source
        self.opened = 0

    def open(self, integration: Integration, *, owner: str) -> CrmSource:
        self.opened += 1
        return self._source


class World:
    """A workspace with integrations, on a real database."""

    def __init__(self, database: Database[Document], clock: TestClock | None = None) -> None:
        self.database = database
        self.clock: TestClock = clock or MovableClock()
        self.integrations = IntegrationStore(database, VAULT)
        self.runs = SyncRunStore(database)
        self._owners = itertools.count(1)
        self._jobs = itertools.count(1)

    def integrate(self, provider: Provider = Provider.HUBSPOT, **settings: Any) -> str:
        return self.integrations.add(
            NewIntegration(
                workspace_id=WORKSPACE,
                provider=provider,
                credentials={
                    "accessToken": "secret",
                    "username": "u",
                    "privateKey": "k",
                    "clientId": "c",
                    "serviceAccount": "{}",
                },
                settings=IntegrationSettings(**settings),
            ),
            at=self.clock.now(),
        )

    def connect(
        self,
        provider: Provider,
        credentials: Mapping[str, str],
        *,
        field_map: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> str:
        """An integration with a CRM that answers over HTTP."""
        new = NewIntegration(
            workspace_id=WORKSPACE,
            provider=provider,
            credentials=credentials,
            field_map=field_map or {},
            settings=IntegrationSettings(**{"calls_per_second": 0, **settings}),
        )
        return self.integrations.add(new, at=self.clock.now())

    def open(self, integration_id: str) -> CrmSource:
        """The source of an integration as the service opens it."""
        integration = self.integrations.get(integration_id)
        assert integration is not None
        return SourceFactory(self.integrations, clock=self.clock).open(integration, owner="test")

    def engine(self, source: CrmSource | None, *, threads: Executor | None = None, **options: Any) -> SyncEngine:
        return SyncEngine(
            Stores(database=self.database, integrations=self.integrations, runs=self.runs),
            OneSource(source) if source else SourceFactory(self.integrations, clock=self.clock),
            options=EngineOptions(
                **{
                    "default_region": "US",
                    "look_interval": timedelta(),
                    "rows_per_write": 1,
                    "rows_ahead": 20,
                    **options,
                }
            ),
            clock=self.clock,
            threads=threads or DaemonThreads(),
            new_owner=lambda: f"owner-{next(self._owners)}",
        )

    def new_job(self, **options: Any) -> ListeningJob:
        return ListeningJob(f"job-{next(self._jobs)}", **options)

    def sync(
        self,
        integration_id: str,
        source: CrmSource | None = None,
        mode: SyncMode = SyncMode.FULL,
        *,
        job: ListeningJob | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Runs one attempt, on the integration's own CRM where no source is given; what it raises passes."""
        payload = IntegrationSync(integration_id=integration_id, workspace_id=WORKSPACE, mode=mode)
        return asyncio.run(self.engine(source, **options).run(payload, job or self.new_job()))

    def leads(self) -> list[Document]:
        return list(self.database["leads"].find().sort("_id", 1))

    def one_lead(self) -> Document:
        (lead,) = self.leads()
        return lead

    def write_lead(self, **values: Any) -> Any:
        """A lead as the app writes it: without keys, links or anything else of the sync's."""
        at = self.clock.now()
        document = {"workspaceId": WORKSPACE, **values, "createdAt": at, "updatedAt": at}
        return self.database["leads"].insert_one(document).inserted_id

    def edit_lead(self, lead_id: Any, **values: Any) -> None:
        """An edit as the app makes it; ``None`` empties a field."""
        kept = {name: value for name, value in values.items() if value is not None}
        emptied = {name: "" for name, value in values.items() if value is None}
        change: Document = {"$set": {**kept, "updatedAt": self.clock.now()}}
        if emptied:
            change["$unset"] = emptied
        self.database["leads"].update_one({"_id": lead_id}, change)

    def run_of(self, job: ListeningJob) -> SyncRun:
        run = self.runs.of_job(job.job_id)
        assert run is not None
        return run


def person(number: int, **values: str | None) -> SourceRow:
    """The row of one of many people."""
    row_id = str(number)
    every: dict[str, str | None] = {
        "firstname": f"First{number}",
        "lastname": f"Last{number}",
        "email": f"p{number}@example.org",
        "phone": f"+1415555{number:04d}",
    }
    return SourceRow(place=row_id, external_id=row_id, values={**every, **values})


def people(count: int) -> list[SourceRow]:
    return [person(number) for number in range(count)]


def comparable(leads: Iterable[Document]) -> list[Document]:
    """Leads without what differs between two runs that did the same: ids and times."""
    result = []
    for lead in leads:
        kept = {name: value for name, value in lead.items() if not name.endswith("At") and name != "_id"}
        kept["links"] = [
            {name: value for name, value in link.items() if not name.endswith("At")} for link in lead.get("links", ())
        ]
        result.append(kept)
    return sorted(result, key=lambda lead: sorted(lead.get("matchKeys", ())))
