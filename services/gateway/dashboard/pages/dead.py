"""Dead letters of all queues, grouped by what killed them."""

from collections import Counter
from typing import Final

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME, workspace_asked
from services.gateway.dashboard.deciding import decide_about
from services.gateway.dashboard.error_groups import grouped, key_of
from services.gateway.dashboard.jobs import Action
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to

_MOST_READ: Final = 1_000
"""How many dead letters of a queue are grouped: the newest, so that the page stays quick."""
_ALLOWED: Final = frozenset({Action.RETRY, Action.REMOVE})


def add_dead(pages: Blueprint, parts: Parts) -> None:
    """Adds the page of the dead letters."""

    @pages.get("/dead")
    @needs(Scope.SERVICE, for_workspaces=True)
    def dead() -> Response:
        workspace = workspace_asked()
        chosen = request.args.get("queue") or None
        if chosen and chosen not in parts.queues:
            raise NotFound(f"There is no queue {chosen[:80]!r}.")
        queues = [chosen] if chosen else parts.queues
        jobs, more = parts.jobs.dead_letters(queues, most=_MOST_READ, workspace=workspace)
        counts = (
            {name: parts.jobs.stats(name).counts.get("failed", 0) for name in parts.queues}
            if workspace is None
            else Counter(job.queue for job in jobs)
        )
        return page(
            parts,
            "dead.html",
            groups=grouped(jobs),
            counts=counts,
            chosen=chosen,
            workspace_filter=None if bound_workspace() else workspace,
            more=more,
            read=len(jobs),
        )

    @pages.post("/dead")
    @needs(Scope.ADMIN)
    def act_on_group() -> Response:
        key, queue = request.form.get("key", ""), request.form.get("queue", "")
        try:
            action = Action(request.form.get("action", ""))
        except ValueError as error:
            raise BadRequest("There is no such action.") from error
        if action not in _ALLOWED or queue not in parts.queues:
            raise BadRequest("Dead letters are retried or removed, group by group.")
        workspace = request.form.get("workspace") or None
        found, _more = parts.jobs.dead_letters([queue], most=_MOST_READ, workspace=workspace)
        members = [job.job_id for job in found if key_of(job) == key]
        told = decide_about(parts.jobs, action, queue, members) if members else "That group is empty by now."
        return back_to(url_for(f"{NAME}.dead", queue=request.form.get("filter") or None, workspace=workspace), told)
