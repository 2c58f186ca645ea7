"""Writes pages: a page's leads, its problems and the checkpoint behind it are one transaction.

So a page is either done or has never been: a crash at any moment repeats nothing that was written, the counts are
exact, and an edit by a person or another sync between reading a lead and writing it makes the page start over on what
is there by then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from libs.common.clock import Clock
from libs.common.errors import LeaseLost, TucoError
from libs.common.jobs.integration_sync import SyncMode
from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document
from libs.common.stores.seen_rows import SeenRowStore, marks_of
from libs.common.stores.sync_runs import MOST_SAMPLES, Checkpoint, Counts, StoredProblem, SyncRun, SyncRunStore
from services.sync.engine.identities import FirstRows
from services.sync.engine.lead_documents import PROJECTION, changed_fields, key_update, lead_of, new_document
from services.sync.engine.prepared import PreparedRow
from services.sync.engine.transactions import Transactions
from services.sync.metrics import count_rows
from services.sync.rules.leads import Lead
from services.sync.rules.mapping import RowMapper
from services.sync.rules.planning import KeyedRow, KnownLeads, PagePlan, Planner, PlanRules
from services.sync.rules.rows import MappedRow, Reason, RowProblem, SourceRow
from services.sync.rules.suspicion import is_suspicious
from services.sync.sources.contract import Position

_INDEXES: Final[Mapping[str, str]] = {"matchKeys": "one_lead_per_match_key", "sharedKeys": "by_shared_key"}
"""Named, because the server else compares plans again and again, at several times the cost of the question; and because
without the first one nothing would keep two leads apart, so that a run should rather fail."""


class SuspiciousRows(TucoError):
    """Too many rows failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsToWrite:
    """Rows that are written together.

    Args:
        rows: in the source's order, prepared.
        behind: the source's position behind them; ``None`` where they are the last.
        read_at: when the first of them were asked for.
        pages: how many of the source's pages they are.
    """

    rows: Sequence[PreparedRow]
    behind: Position | None
    read_at: datetime
    pages: int = 1


class PageWriter:
    """Writes the pages of one run, one after the other.

    Args:
        database: where leads are.
        transactions: of the attempt.
        runs: where runs are.
        run: as this attempt took it over.
        rules: how rows find their leads.
        mapper: maps rows.
        first_rows: knows repeated rows; ``None`` where the source has none.
        seen: keeps which rows there were; ``None`` where nobody will ask.
        suspicious_share: the share of failed rows above which nothing more is written.
        clock: tells the time.
    """

    def __init__(
        self,
        database: Database[Document],
        transactions: Transactions,
        runs: SyncRunStore,
        run: SyncRun,
        *,
        rules: PlanRules,
        mapper: RowMapper,
        first_rows: FirstRows | None,
        seen: SeenRowStore | None,
        suspicious_share: float,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._leads = database[LEADS]
        self._runs = runs
        self._run = run
        self._rules = rules
        self._mapper = mapper
        self._first_rows = first_rows
        self._seen = seen
        self._suspicious_share = suspicious_share
        self._clock = clock
        self._writes_leads = run.mode is not SyncMode.DRY_RUN
        self.counts = run.counts
        self.checkpoint = run.checkpoint

    def write(self, page: RowsToWrite) -> None:
        """Writes a page; ``counts`` and ``checkpoint`` then include it.

        Raises:
            SuspiciousRows: too many rows failed so far; the page is not written.
            LeaseLost: another attempt has taken the run over.
            StoreUnavailable: MongoDB is away.
        """
        work = _PageWork(self._mapper, page.rows, self._first_rows)
        marks = marks_of(work.present_ids) if self._seen else b""
        before = self.counts
        self.counts, self.checkpoint = self._transactions.run(partial(self._write, page, work, marks))
        if self._writes_leads:
            count_rows(before, self.counts)

    def _write(
        self, page: RowsToWrite, work: "_PageWork", marks: bytes, session: ClientSession
    ) -> tuple[Counts, Checkpoint]:
        now = self._clock.now()
        linked = self._find((self._rules.row_key(row_id) for row_id in work.external_ids), session)
        known = KnownLeads(linked)
        rows, unchanged = work.changed_rows(known, self._rules)
        wanted = {key for row in rows for key in row.keys}
        found = self._find((key for key in wanted if not known.has_holder(key)), session)
        for lead in (*found, *self._sharing(wanted, session)):
            if lead not in known:
                known.put(lead)
        plan = Planner(self._rules, known, read_at=page.read_at).plan(rows, work.removed)
        problems = [*work.problems, *plan.problems]
        counts = self.counts + Counts(
            fetched=len(page.rows),
            created=plan.created,
            updated=plan.updated,
            unchanged=plan.unchanged + unchanged,
            skipped=plan.skipped + work.repeated,
            failed=work.failed,
        )
        if is_suspicious(counts, share=self._suspicious_share):
            raise SuspiciousRows(_in_words(counts, problems))
        if self._writes_leads:
            self._write_leads(plan, now, session)
        checkpoint = Checkpoint(
            position=page.behind,
            pages=self.checkpoint.pages + page.pages,
            problems=self.checkpoint.problems + len(problems),
            done=page.behind is None,
        )
        moved = self._runs.advance(
            self._run,
            counts=counts,
            checkpoint=checkpoint,
            problems=[_stored(problem) for problem in problems],
            samples=() if self._writes_leads else list(_samples(plan)),
            at=now,
            session=session,
        )
        if not moved:
            raise LeaseLost
        if self._seen:
            self._seen.note(self._run.id, marks, at=now, session=session)
        return counts, checkpoint

    def _sharing(self, keys: Iterable[str], session: ClientSession) -> list[Lead]:
        """Leads that share a key with the one that goes by it; few workspaces have any."""
        any_of_them = {"workspaceId": self._run.workspace_id, "sharedKeys": {"$exists": True}}
        hint = _INDEXES["sharedKeys"]
        if self._leads.find_one(any_of_them, {"_id": 1}, session=session, hint=hint) is None:
            return []
        return self._find(keys, session, field="sharedKeys")

    def _find(self, keys: Iterable[str], session: ClientSession, *, field: str = "matchKeys") -> list[Lead]:
        wanted = list(keys)
        if not wanted:
            return []
        found = self._leads.find(
            {"workspaceId": self._run.workspace_id, field: {"$in": wanted}},
            dict(PROJECTION),
            session=session,
            batch_size=len(wanted) + 1,
            hint=_INDEXES[field],
        )
        return [lead_of(document) for document in found]

    def _write_leads(self, plan: PagePlan, now: datetime, session: ClientSession) -> None:
        # First the keys that are given up: another lead of the page may take them.
        released = [
            UpdateOne(
                {"_id": change.before.id},
                key_update(change.before.keys & change.after.keys, change.after.shared_keys),
            )
            for change in plan.changed
            if change.before.keys - change.after.keys
        ]
        if released:
            self._leads.bulk_write(released, session=session)
        if plan.made:
            workspace_id = self._run.workspace_id
            documents = [new_document(lead, workspace_id=workspace_id, at=now) for lead in plan.made]
            self._leads.insert_many(documents, ordered=False, session=session)
        if plan.changed:
            updates = [UpdateOne({"_id": change.before.id}, changed_fields(change, at=now)) for change in plan.changed]
            self._leads.bulk_write(updates, ordered=False, session=session)


class _PageWork:
    """What can be said of a page's rows without the leads, kept while a transaction is tried again.

    ``present_ids`` are the identities of the rows that the source has, also of those that are refused; ``external_ids``
    are those of all rows that may be leads already.

    Args:
        mapper: maps rows.
        rows: the page.
        first_rows: knows repeated rows; ``None`` where the source has none.
    """

    def __init__(self, mapper: RowMapper, rows: Sequence[PreparedRow], first_rows: FirstRows | None) -> None:
        self._mapper = mapper
        self._present: list[tuple[str, PreparedRow]] = []
        self._repeats: list[RowProblem] = []
        self.removed: list[SourceRow] = []
        self.problems: list[RowProblem] = []
        self.failed = 0
        for prepared in rows:
            external_id = prepared.external_id
            if prepared.row.removed:
                self.removed.append(prepared.row)
            elif first_rows is not None and external_id and not first_rows.is_first(external_id):
                self._repeats.append(_repeat(prepared.row, external_id))
            else:
                self._present.append((external_id, prepared))
        self.present_ids = [external_id for external_id, _prepared in self._present if external_id]
        self.external_ids = [*self.present_ids, *(row.external_id for row in self.removed)]

    @property
    def repeated(self) -> int:
        """Rows whose identity an earlier row of the source has."""
        return len(self._repeats)

    def changed_rows(self, known: KnownLeads, rules: PlanRules) -> tuple[list[KeyedRow], int]:
        """The rows that are not just as they were when they were last taken, mapped; and how many are.

        ``failed`` and ``problems`` then are those of the page.
        """
        rows: list[KeyedRow] = []
        unchanged = 0
        self.failed = 0
        self.problems = list(self._repeats)
        for place, (external_id, prepared) in enumerate(self._present):
            lead = known.holder(rules.row_key(external_id)) if external_id else None
            link = lead.link_of(rules.integration_id, external_id) if lead else None
            if link and link.fingerprint == prepared.fingerprint and link.removed_at is None:
                unchanged += 1
                continue
            mapped = prepared.mapped or self._map(place)
            if isinstance(mapped, MappedRow):
                rows.append(rules.keyed(mapped))
            else:
                self.failed += 1
                self.problems.extend(mapped)
        return rows, unchanged

    def _map(self, place: int) -> MappedRow | tuple[RowProblem, ...]:
        external_id, prepared = self._present[place]
        mapped = self._mapper.map_row(prepared.row, fingerprint=prepared.fingerprint)
        self._present[place] = (external_id, prepared._replace(mapped=mapped))
        return mapped


def _repeat(row: SourceRow, external_id: str) -> RowProblem:
    return RowProblem(place=row.place, field="externalId", value=external_id, reason=Reason.REPEATED, fatal=True)


def _stored(problem: RowProblem) -> StoredProblem:
    return StoredProblem(
        row=problem.place, field=problem.field, value=problem.value, reason=problem.reason, fatal=problem.fatal
    )


def _samples(plan: PagePlan) -> Iterable[Mapping[str, Any]]:
    for lead in plan.made[:MOST_SAMPLES]:
        yield {"row": lead.links[0].external_id, "does": "create", "after": dict(lead.values)}
    for change in plan.changed[:MOST_SAMPLES]:
        before, after = dict(change.before.values), dict(change.after.values)
        if before != after:
            yield {"leadId": change.before.id, "does": "update", "before": before, "after": after}


def _in_words(counts: Counts, problems: Sequence[RowProblem]) -> str:
    failed = [problem for problem in problems if problem.fatal and problem.reason != Reason.REPEATED]
    example = f"; for example row {failed[0].place}: {failed[0].reason} ({failed[0].value!r})" if failed else ""
    return f"{counts.failed} of {counts.fetched} rows failed, so the field map looks wrong{example}"
