"""Integrations: how each is, its runs in counts, the rows that were refused, and syncing now."""

from typing import Final

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from libs.common.jobs.integration_sync import SyncMode
from libs.common.logging import get_logger
from libs.common.stores.integration_desk import IntegrationOverview
from libs.common.stores.sync_runs import SyncRun
from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME, workspace_asked
from services.gateway.dashboard.deciding import who
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to
from services.gateway.dashboard.schedules import schedule_row
from services.gateway.orders import sync_order

log = get_logger(__name__)

_SHOWN: Final = 50
_RUNS_SHOWN: Final = 20
_PROBLEMS_SHOWN: Final = 100


def add_integrations(pages: Blueprint, parts: Parts) -> None:
    """Adds the pages of integrations."""

    @pages.get("/integrations")
    @needs(Scope.SERVICE, for_workspaces=True)
    def integrations() -> Response:
        now = parts.clock.now()
        workspace = workspace_asked()
        found = parts.integrations.page(workspace, after=request.args.get("after", ""), limit=_SHOWN + 1)
        shown = found[:_SHOWN]
        return page(
            parts,
            "integrations.html",
            rows=[(each, schedule_row(each.schedule, now=now) if each.schedule else None) for each in shown],
            after=shown[-1].integration.id if len(found) > _SHOWN else None,
            workspace_filter=None if bound_workspace() else workspace,
        )

    @pages.get("/integrations/<integration_id>")
    @needs(Scope.SERVICE, for_workspaces=True)
    def integration(integration_id: str) -> Response:
        found = _found(parts, integration_id)
        runs = parts.sync_runs.runs(integration_id, before=request.args.get("before", ""), limit=_RUNS_SHOWN + 1)
        shown = runs[:_RUNS_SHOWN]
        return page(
            parts,
            "integration.html",
            found=found,
            schedule=schedule_row(found.schedule, now=parts.clock.now()) if found.schedule else None,
            runs=shown,
            before=str(shown[-1].id) if len(runs) > _RUNS_SHOWN else None,
        )

    @pages.get("/integrations/<integration_id>/runs/<run_id>")
    @needs(Scope.SERVICE, for_workspaces=True)
    def sync_run(integration_id: str, run_id: str) -> Response:
        found = _found(parts, integration_id)
        run = _run(parts, integration_id, run_id)
        problems, after = parts.sync_runs.problems(run.id, after=request.args.get("after", ""), limit=_PROBLEMS_SHOWN)
        return page(
            parts,
            "sync_run.html",
            found=found,
            run=run,
            groups=parts.sync_runs.problem_groups(run.id),
            problems=problems,
            after=after,
            is_first="after" not in request.args,
        )

    @pages.post("/integrations/<integration_id>/sync")
    @needs(Scope.ADMIN)
    def sync_now(integration_id: str) -> Response:
        found = _found(parts, integration_id)
        try:
            mode = SyncMode(request.form.get("mode", SyncMode.INCREMENTAL.value))
        except ValueError as error:
            raise BadRequest("There is no such way to sync.") from error
        receipt = parts.submit(sync_order(integration_id, found.integration.workspace_id, mode), None)
        log.info("integration.synced_now", integration_id=integration_id, job_id=receipt.job_id, by=who())
        return back_to(url_for(f"{NAME}.integration", integration_id=integration_id), "A sync is on its way.")


def _found(parts: Parts, integration_id: str) -> IntegrationOverview:
    found = parts.integrations.one(integration_id)
    if found is None or bound_workspace() not in (None, found.integration.workspace_id):
        raise NotFound(f"There is no integration {integration_id[:80]!r}.")
    return found


def _run(parts: Parts, integration_id: str, run_id: str) -> SyncRun:
    run = parts.sync_runs.run(run_id)
    if run is None or run.integration_id != integration_id:
        raise NotFound(f"There is no run {run_id[:80]!r} of this integration.")
    return run
