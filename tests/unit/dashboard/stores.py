"""Lists, integrations and their runs, in memory."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from libs.common.integrations.model import Integration, IntegrationStatus, Provider
from libs.common.jobs.integration_sync import SyncMode
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.history import HistoricJob, HistoryPage, HistoryQuery
from libs.common.stores.integration_desk import IntegrationOverview
from libs.common.stores.schedules import Schedule
from libs.common.stores.sync_run_desk import FoundProblem, ProblemGroup
from libs.common.stores.sync_runs import Counts, RunStatus, SyncRun
from services.gateway.dashboard.history import ListRun
from services.gateway.dashboard.outcomes import LeadOutcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_list(job_id: str, *, text: str = "acme", status: str = "completed", **counts: int) -> ListRun:
    """A run over three leads, of which one is unknown."""
    return ListRun(
        job=HistoricJob(
            job_id=job_id,
            job_type="bulk-availability-check",
            queue="bulk-availability",
            status=LedgerStatus(status),
            workspace_id=text,
            created_at=NOW - timedelta(minutes=9),
            finished_at=None if status == "accepted" else NOW - timedelta(minutes=8),
            error=text,
        ),
        user_id=text,
        leads=3,
        counts=counts or {"checked": 3, "available": 1, "unavailable": 1, "unknown": 1, "invalid": 0, "notFound": 0},
    )


def one_lead(
    run_id: str, *, text: str = "acme", outcome: str = "unknown", lead_id: str = "65f0c0ffee000000000000a1"
) -> tuple[str, LeadOutcome]:
    """What became of a lead of a run."""
    return run_id, LeadOutcome(
        lead_id=lead_id,
        outcome=outcome,
        name=text,
        phone=text,
        email=text,
        handle=text,
        service=text,
        reason=text,
        checked_at=NOW,
    )


def an_integration(integration_id: str, *, text: str = "acme") -> IntegrationOverview:
    """An integration that needs a person, with a run that refused a row."""
    integration = Integration(
        id=integration_id,
        workspace_id=text,
        provider=Provider.HUBSPOT,
        name=text,
        status=IntegrationStatus.NEEDS_ATTENTION,
        status_reason=text,
    )
    schedule = Schedule(name=f"integration-sync-{integration_id}", job_type="integration-sync", cron="0 3 * * *")
    return IntegrationOverview(
        integration=integration, schedule=schedule, latest=a_run(text), open_job_id=None, created_at=NOW
    )


def a_run(text: str = "acme") -> SyncRun:
    """A run that ended."""
    return SyncRun(
        id=ObjectId("65f0c0ffee0000000000bbbb"),
        integration_id="65f0c0ffee0000000000aaaa",
        workspace_id=text,
        job_id="runs",
        mode=SyncMode.FULL,
        status=RunStatus.FAILED,
        owner="o",
        counts=Counts(fetched=3, created=1, updated=1, failed=1),
        total=10,
        started_at=NOW - timedelta(minutes=5),
        finished_at=NOW,
        error=text,
        samples=({text: text},),
    )


class Past:
    """What the ledger remembers."""

    def __init__(self) -> None:
        self.jobs: list[HistoricJob] = []

    def page(self, asked: HistoryQuery, *, cursor: str, limit: int) -> HistoryPage:
        jobs = tuple(job for job in self.jobs if job.workspace_id == asked.workspace_id)
        return HistoryPage(jobs=jobs[:limit], cursor=None)


class Runs:
    """Lists and their leads."""

    def __init__(self) -> None:
        self._runs: dict[str, ListRun] = {}
        self._leads: dict[str, list[LeadOutcome]] = {}

    def show(self, run: ListRun, *leads: tuple[str, LeadOutcome]) -> None:
        self._runs[run.job.job_id] = run
        for run_id, lead in leads:
            self._leads.setdefault(run_id, []).append(lead)

    def runs(self, workspace_id: str | None, *, cursor: str = "", limit: int) -> tuple[list[ListRun], str | None]:
        return [run for run in self._runs.values() if workspace_id in (None, run.job.workspace_id)][:limit], None

    def run(self, job_id: str) -> ListRun | None:
        return self._runs.get(job_id)

    def page(
        self, run: HistoricJob, *, outcome: str = "", start: int = 0, limit: int
    ) -> tuple[list[LeadOutcome], int | None]:
        return [lead for lead in self.every(run) if outcome in ("", lead.outcome)][start : start + limit], None

    def every(self, run: HistoricJob) -> Iterator[LeadOutcome]:
        yield from self._leads.get(run.job_id, ())


class Syncs:
    """Integrations and one run of each."""

    def __init__(self) -> None:
        self._shown: dict[str, IntegrationOverview] = {}

    def show(self, overview: IntegrationOverview) -> None:
        self._shown[overview.integration.id] = overview

    def page(
        self,
        workspace_id: str | None = None,
        *,
        after: str = "",
        limit: int,
    ) -> Sequence[IntegrationOverview]:
        return [each for each in self._shown.values() if workspace_id in (None, each.integration.workspace_id)][:limit]

    def needing_attention(self, workspace_id: str | None = None, *, limit: int) -> Sequence[Integration]:
        found = [each.integration for each in self.page(workspace_id, limit=limit)]
        return [each for each in found if each.status is IntegrationStatus.NEEDS_ATTENTION]

    def one(self, integration_id: str) -> IntegrationOverview | None:
        return self._shown.get(integration_id)

    def run(self, run_id: str) -> SyncRun | None:
        return next((run for run in self.runs("") if str(run.id) == run_id), None)

    def runs(self, integration_id: str, *, before: str = "", limit: int = 1) -> Sequence[SyncRun]:
        return [each.latest for each in self._shown.values() if each.latest][:limit]

    def problems(self, run_id: ObjectId, *, after: str = "", limit: int) -> tuple[Sequence[FoundProblem], str | None]:
        text = self.runs("")[0].error
        return [FoundProblem(row=text, field=text, value=text, reason=text, fatal=True, at=NOW)], None

    def problem_groups(self, run_id: ObjectId) -> Sequence[ProblemGroup]:
        text = self.runs("")[0].error
        return [ProblemGroup(field=text, reason=text, fatal=False, rows=1, example_row=text, example_value=text)]
