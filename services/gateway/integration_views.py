"""What callers see of integrations and their runs. Never a secret: credentials go in and do not come out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from libs.common.clock import Clock
from libs.common.cron import parse_cron, parse_zone
from libs.common.errors import InvalidInput
from libs.common.integrations.model import IntegrationSettings, IntegrationStatus, Provider
from libs.common.jobs.integration_sync import SyncMode
from libs.common.stores.integration_desk import IntegrationOverview
from libs.common.stores.schedules import Schedule
from libs.common.stores.sync_run_desk import FoundProblem, ProblemGroup
from libs.common.stores.sync_runs import Counts, RunStatus, SyncRun


class ShownRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A run of a sync.

    Args:
        run_id: its identity.
        integration_id: what is synced.
        workspace_id: whose leads.
        job_id: the job that does it.
        mode: what it reads, and whether it writes.
        status: ``running`` also while it waits for a rate limit, a retry or a worker.
        counts: rows so far, by what became of them; their sum is ``fetched``.
        problems: how many rows or fields were refused; the run's errors name them.
        total: rows to expect in all, where the CRM could say.
        since: from when changes are read; absent where everything is.
        started_at: when it began.
        finished_at: when it ended.
        error: why it failed or stopped.
    """

    run_id: str
    integration_id: str
    workspace_id: str
    job_id: str
    mode: SyncMode
    status: RunStatus
    counts: Counts
    problems: int
    started_at: datetime
    total: int | None = None
    since: datetime | None = None
    finished_at: datetime | None = None
    error: str = ""


class RunAnswer(ShownRun, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A run with what it refused and what it would do.

    Args:
        problem_groups: what was refused, by field and reason, the most frequent first.
        samples: of a dry run: what it would do to some rows.
    """

    problem_groups: Sequence[ProblemGroup] = ()
    samples: Sequence[Mapping[str, Any]] = ()


class RunsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, the latest first.

    Args:
        runs: the runs.
        cursor: asks for those before them; ``None`` where there are none.
    """

    runs: Sequence[ShownRun]
    cursor: str | None


class RunErrorsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The refused rows and fields of a run, in the order in which they were met.

    Args:
        errors: each with its row, field, value (shortened) and reason; ``fatal`` where the whole row was left out.
        cursor: asks for those behind them; ``None`` where there are none.
    """

    errors: Sequence[FoundProblem]
    cursor: str | None


class OwnSchedule(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """When an integration syncs by itself.

    Args:
        cron: five fields.
        timezone: in which they are read.
        enabled: false while the integration needs attention, or where a person switched it off.
        next_at: its next tick; absent where it is off.
    """

    cron: str
    timezone: str
    enabled: bool
    next_at: datetime | None = None


class ShownIntegration(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A connected CRM.

    Args:
        integration_id: its identity.
        workspace_id: whose leads it brings.
        provider: the CRM.
        name: how people call it.
        status: ``needs_attention`` where only a person can go on.
        status_reason: what a person has to do.
        field_map: what was said of source fields; the usual ones fill the gaps.
        settings: all of them; those that nobody set are left out.
        not_before: before which moment the CRM wants no call.
        last_sync_at: when a run last completed.
        created_at: when it was added.
        open_job_id: its unfinished job, running or waiting.
        schedule: when it syncs by itself.
        latest_run: its latest run.
    """

    integration_id: str
    workspace_id: str
    provider: Provider
    name: str
    status: IntegrationStatus
    field_map: Mapping[str, Any]
    settings: IntegrationSettings
    status_reason: str = ""
    not_before: datetime | None = None
    last_sync_at: datetime | None = None
    created_at: datetime | None = None
    open_job_id: str | None = None
    schedule: OwnSchedule | None = None
    latest_run: ShownRun | None = None


class IntegrationsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Integrations, in the order in which they were added.

    Args:
        integrations: the integrations.
        cursor: asks for those behind them; ``None`` where there are none.
    """

    integrations: Sequence[ShownIntegration]
    cursor: str | None


def shown_run(run: SyncRun) -> ShownRun:
    """A run as it is listed."""
    return ShownRun(**_run_fields(run))


def run_answer(run: SyncRun, groups: Sequence[ProblemGroup]) -> RunAnswer:
    """A run as it is shown alone."""
    return RunAnswer(**_run_fields(run), problem_groups=groups, samples=run.samples)


def shown_integration(overview: IntegrationOverview, clock: Clock) -> ShownIntegration:
    """An integration and what belongs to it."""
    found = overview.integration
    return ShownIntegration(
        integration_id=found.id,
        workspace_id=found.workspace_id,
        provider=found.provider,
        name=found.name,
        status=found.status,
        status_reason=found.status_reason,
        field_map=found.field_map,
        settings=found.settings,
        not_before=found.not_before if found.not_before and found.not_before > clock.now() else None,
        last_sync_at=found.last_sync_at,
        created_at=overview.created_at,
        open_job_id=overview.open_job_id,
        schedule=_own_schedule(overview.schedule, clock) if overview.schedule else None,
        latest_run=shown_run(overview.latest) if overview.latest else None,
    )


def _run_fields(run: SyncRun) -> dict[str, Any]:
    return {
        "run_id": str(run.id),
        "integration_id": run.integration_id,
        "workspace_id": run.workspace_id,
        "job_id": run.job_id,
        "mode": run.mode,
        "status": run.status,
        "counts": run.counts,
        "problems": run.checkpoint.problems,
        "started_at": run.started_at,
        "total": run.total,
        "since": run.since,
        "finished_at": run.finished_at,
        "error": run.error,
    }


def _own_schedule(schedule: Schedule, clock: Clock) -> OwnSchedule:
    try:
        next_at = parse_cron(schedule.cron).next_after(clock.now(), parse_zone(schedule.timezone))
    except InvalidInput:
        next_at = None
    return OwnSchedule(
        cron=schedule.cron,
        timezone=schedule.timezone,
        enabled=schedule.enabled,
        next_at=next_at if schedule.enabled else None,
    )
