"""Lists: the runs that asked which leads can be reached, what became of each lead, and asking again what failed."""

import hashlib
from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.states import LedgerStatus
from libs.common.logging import get_logger
from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME, workspace_asked
from services.gateway.dashboard.deciding import who
from services.gateway.dashboard.history import ListRun
from services.gateway.dashboard.outcomes import FAILED, OPEN, OUTCOMES, csv_lines
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to
from services.gateway.dashboard.words import some
from services.gateway.job_view import JobAnswer
from services.gateway.orders import JobRequest, order_of

log = get_logger(__name__)

_RUNS_SHOWN: Final = 20
_LEADS_SHOWN: Final = 50


def add_lists(pages: Blueprint, parts: Parts) -> None:
    """Adds the pages of lists."""

    @pages.get("/lists")
    @needs(Scope.SERVICE, for_workspaces=True)
    def lists() -> Response:
        workspace = workspace_asked()
        runs, before = parts.lists.runs(workspace, cursor=request.args.get("before", ""), limit=_RUNS_SHOWN)
        live = {run.job.job_id: parts.find(run.job.job_id) for run in runs if run.job.finished_at is None}
        return page(
            parts,
            "lists.html",
            rows=[(run, counts_of(run, live.get(run.job.job_id)), live.get(run.job.job_id)) for run in runs],
            outcomes=OUTCOMES,
            before=before,
            is_first="before" not in request.args,
            workspace_filter=None if bound_workspace() else workspace,
        )

    @pages.get("/lists/<job_id>")
    @needs(Scope.SERVICE, for_workspaces=True)
    def one_list(job_id: str) -> Response:
        run = _found(parts, job_id)
        outcome = request.args.get("outcome", "")
        start = request.args.get("start", "0")
        if (outcome and outcome not in OUTCOMES) or not start.isdecimal():
            raise BadRequest("There is no such part of a list.")
        leads, behind = parts.outcomes.page(run.job, outcome=outcome, start=int(start[:9]), limit=_LEADS_SHOWN)
        job = parts.find(job_id)
        counts = counts_of(run, job)
        return page(
            parts,
            "list.html",
            run=run,
            job=job,
            counts=counts,
            failed=sum(counts.get(name, 0) for name in FAILED),
            outcomes=OUTCOMES,
            outcome=outcome,
            leads=leads,
            start=int(start[:9]),
            behind=behind,
            ended=run.job.finished_at is not None,
        )

    @pages.get("/lists/<job_id>/leads.csv")
    @needs(Scope.SERVICE, for_workspaces=True)
    def list_as_csv(job_id: str) -> Response:
        run = _found(parts, job_id)
        outcome = request.args.get("outcome", "")
        rows = (row for row in parts.outcomes.every(run.job) if not outcome or row.outcome == outcome)
        told = () if request.method == "HEAD" else csv_lines(rows)
        headers = {"Content-Disposition": f'attachment; filename="list-{run.job.job_id}.csv"'}
        return Response(told, content_type="text/csv; charset=utf-8; header=present", headers=headers)

    @pages.post("/lists/<job_id>/again")
    @needs(Scope.ADMIN)
    def ask_again(job_id: str) -> Response:
        run = _found(parts, job_id)
        here = url_for(f"{NAME}.one_list", job_id=job_id)
        if run.job.finished_at is None:
            return back_to(here, "It still runs; what failed is known when it has ended.")
        ids = [row.lead_id for row in parts.outcomes.every(run.job) if row.outcome in FAILED]
        if not ids:
            return back_to(here, "Every lead of this list is answered.")
        data = {"leadIds": ids, "userId": run.user_id, "workspaceId": run.job.workspace_id}
        # The same leads of the same run are one wish, however often the button is pressed.
        key = f"again-{job_id}-{hashlib.sha256(''.join(ids).encode()).hexdigest()[:16]}"
        receipt = parts.submit(order_of(JobRequest(job_type=BULK_AVAILABILITY.job_type, data=data)), key)
        log.info("list.asked_again", run_id=job_id, job_id=receipt.job_id, leads=len(ids), by=who())
        address = url_for(f"{NAME}.one_list", job_id=receipt.job_id)
        return back_to(address, f"{some(len(ids), 'lead is', 'leads are')} asked about again, by this run.")


def counts_of(run: ListRun, job: JobAnswer | None) -> dict[str, int]:
    """How many leads of a run have which outcome: as it ended, or as far as it is."""
    told: Mapping[str, object] = run.counts or (job.progress if job and job.progress else {})
    counts = {name: value for name in OUTCOMES if isinstance(value := told.get(name), int)}
    not_found = told.get("notFound")
    missing = not_found if isinstance(not_found, int) else 0
    checked = told.get("checked")
    answered = sum(counts.values())
    if run.job.status == LedgerStatus.COMPLETED and isinstance(checked, int):
        # What a run could not come to counts as unknown in its result.
        return counts | {"missing": missing}
    return counts | {OPEN: max(0, run.leads - answered - missing), "missing": missing}


def _found(parts: Parts, job_id: str) -> ListRun:
    run = parts.lists.run(job_id)
    if run is None or bound_workspace() not in (None, run.job.workspace_id):
        raise NotFound(f"There is no list {job_id[:80]!r}.")
    return run
