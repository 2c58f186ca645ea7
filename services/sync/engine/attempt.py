"""One attempt at a run: what it reads from and writes to, and its single steps. Blocking; see ``run`` for the order."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from pymongo.database import Database
from pymongo.errors import OperationFailure

from libs.common.clock import Clock
from libs.common.errors import LeaseLost
from libs.common.integrations.model import Integration
from libs.common.jobs.integration_sync import SyncMode
from libs.common.stores.integrations import IntegrationStore
from libs.common.stores.mongo import Document
from libs.common.stores.seen_rows import SeenRowStore
from libs.common.stores.sync_runs import RunStatus, SyncRun, SyncRunStore
from services.sync.engine.identities import FirstRows
from services.sync.engine.match_keys import MatchKeys
from services.sync.engine.page_writer import PageWriter, RowsToWrite
from services.sync.engine.pipeline import Portion
from services.sync.engine.prepared import RowPreparer
from services.sync.engine.removed_rows import RemovedRows
from services.sync.engine.transactions import Transactions, end_session
from services.sync.rules.mapping import RowMapper
from services.sync.rules.planning import PlanRules
from services.sync.sources.contract import CrmSource, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where syncs read and write.

    Args:
        database: with majority write concern.
        integrations: the stored integrations.
        runs: the stored runs.
    """

    database: Database[Document]
    integrations: IntegrationStore
    runs: SyncRunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How the engine works.

    Args:
        default_region: ISO 3166-1 alpha-2; where phone numbers are read if the integration does not say.
        rows_per_write: rows of a transaction at most, unless a single page of the source has more.
        rows_ahead: no further page is fetched while so many rows wait to be written.
        look_interval: how often the leads that people wrote meanwhile are looked at.
        shift: for how long an attempt works before it gives the worker to another run.
        longest_wait: for how long it waits in place for the source to prepare something.
    """

    default_region: str
    rows_per_write: int = 1_000
    rows_ahead: int = 2_000
    look_interval: timedelta = timedelta(seconds=1)
    shift: timedelta = timedelta(minutes=2)
    longest_wait: timedelta = timedelta(seconds=5)


class Attempt:
    """The steps of one attempt.

    Args:
        stores: where to read and write.
        integration: what is synced.
        run: as it was taken over.
        source: what is read.
        options: how to work.
        clock: tells the time.
    """

    def __init__(
        self,
        stores: Stores,
        integration: Integration,
        run: SyncRun,
        source: CrmSource,
        *,
        options: EngineOptions,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._integration = integration
        self._run = run
        self._source = source
        self._options = options
        self._clock = clock
        self._region = integration.settings.region or options.default_region
        self._transactions = Transactions(stores.database)
        self._keys = MatchKeys(
            stores.database,
            self._transactions,
            integration.workspace_id,
            region=self._region,
            since=integration.keys_until,
            clock=clock,
            interval=options.look_interval,
        )
        self._writer: PageWriter | None = None
        self._preparer: RowPreparer | None = None
        self._removed_rows = RemovedRows(stores.database, self._transactions, stores.runs, run, clock=clock)
        self._finds_removed = run.finds_removed
        self._removed = run.counts.removed
        self.total = run.total

    @property
    def run(self) -> SyncRun:
        """The run, with what has been written so far."""
        done = self._writer or self._run
        counts = msgspec.structs.replace(done.counts, removed=self._removed)
        return msgspec.structs.replace(self._run, counts=counts, checkpoint=done.checkpoint, total=self.total)

    def prepare(self) -> Position | None:
        """Makes ready; answers where reading goes on, ``None`` where there is nothing left to read.

        Raises:
            SourceError: the source could not be asked.
            InvalidInput: the integration's field map or settings cannot be used.
            LeaseLost: another attempt has taken the run over.
            StoreUnavailable: MongoDB is away.
        """
        run, source = self._run, self._source
        if run.session:
            end_session(self._stores.database, run.session)
        if not self._stores.runs.set_session(run, self._transactions.session_id):
            raise LeaseLost
        if run.checkpoint.done:
            return None
        mapper = RowMapper(source.field_map(), region=self._region)
        self._preparer = preparer = RowPreparer(mapper, maps_all=self._integration.read_until is None)
        position = run.checkpoint.position
        if position is None:
            since = self._since()
            position = source.begin(since)
            self.total = source.total(position)
            self._finds_removed = self._may_find_removed(since)
            if not self._stores.runs.set_plan(run, total=self.total, since=since, finds_removed=self._finds_removed):
                raise LeaseLost
        self._writer = PageWriter(
            self._stores.database,
            self._transactions,
            self._stores.runs,
            run,
            rules=self._plan_rules(),
            mapper=mapper,
            first_rows=self._first_rows(position, preparer),
            seen=SeenRowStore(self._stores.database) if self._finds_removed else None,
            suspicious_share=self._integration.settings.suspicious_share,
            clock=self._clock,
        )
        if self._writes_leads:
            self._stores.integrations.set_keys_until(self._integration.id, self._keys.look(), at=self._clock.now())
        return position

    def fetch(self, position: Position) -> Portion:
        """The page at a position, its rows prepared.

        Raises:
            SourceError: the source did not give it.
        """
        if self._preparer is None:
            raise RuntimeError("prepare() comes first")
        asked_at = self._clock.now()
        page = self._source.read(position)
        rows = RowsToWrite(rows=self._preparer.prepare(page.rows), behind=page.next, read_at=asked_at)
        return Portion(rows, page.wait)

    def write(self, page: RowsToWrite) -> None:
        """Writes rows and moves the checkpoint.

        Raises:
            SuspiciousRows: too many rows failed so far; these are not written.
            LeaseLost: another attempt has taken the run over.
            StoreUnavailable: MongoDB is away.
        """
        if self._writer is None:
            raise RuntimeError("prepare() comes first")
        try:
            if self._writes_leads:
                self._keys.look()
            self._writer.write(page)
            if page.behind is None:
                self.total = self._writer.counts.fetched
        except OperationFailure as error:
            # Whoever takes a run over also ends the session of the one before.
            if not self._stores.runs.is_mine(self._run):
                raise LeaseLost from error
            raise

    def mark_removed(self) -> None:
        """Marks the leads whose row was not met, once every row has been read.

        Raises:
            LeaseLost: another attempt has taken the run over.
            StoreUnavailable: MongoDB is away.
        """
        if self._finds_removed:
            self._removed += self._removed_rows.mark()

    def complete(self) -> None:
        """Ends the run; the next incremental one reads from where this one began.

        Raises:
            LeaseLost: another attempt has taken the run over.
            StoreUnavailable: MongoDB is away.
        """
        now = self._clock.now()
        if self._writes_leads:
            self._stores.integrations.complete_sync(self._integration.id, read_until=self._run.started_at, at=now)
        if not self._stores.runs.finish(self._run, RunStatus.COMPLETED, at=now):
            raise LeaseLost
        # Not before: an attempt that takes up a run which did not quite end asks for them again.
        self._removed_rows.forget()

    def close(self) -> None:
        """Ends the attempt in order; its session may then be used for something else.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        try:
            self._stores.runs.set_session(self._run, None)
        finally:
            self._transactions.close()

    @property
    def _writes_leads(self) -> bool:
        return self._run.mode is not SyncMode.DRY_RUN

    def _may_find_removed(self, since: datetime | None) -> bool:
        reads_everything = since is None or not self._source.has_change_stamps
        return reads_everything and self._writes_leads and self._removed_rows.can_be_any()

    def _since(self) -> datetime | None:
        read_until = self._integration.read_until
        if self._run.mode is not SyncMode.INCREMENTAL or read_until is None:
            return None
        return read_until - self._overlap

    @property
    def _overlap(self) -> timedelta:
        seconds = self._integration.settings.overlap_seconds
        return self._source.overlap if seconds is None else timedelta(seconds=seconds)

    def _plan_rules(self) -> PlanRules:
        read_until = self._integration.read_until
        return PlanRules(
            integration_id=self._integration.id,
            provider=self._integration.provider,
            match_by=self._integration.settings.match_by,
            region=self._region,
            source_read_at=read_until - self._overlap if read_until else None,
        )

    def _first_rows(self, position: Position, preparer: RowPreparer) -> FirstRows | None:
        if self._source.has_unique_ids:
            return None
        first_rows = FirstRows()
        if self._run.checkpoint.position is not None:
            first_rows.add_all(self._source.rows_before(position), preparer)
        return first_rows
