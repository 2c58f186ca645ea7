"""A queue: its jobs by state, and what may be done with the queue and with chosen jobs."""

from typing import Final

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from libs.common.jobs.registry import contracts
from libs.common.jobs.states import JobState
from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME
from services.gateway.dashboard.deciding import MOST_AT_ONCE, decide_about, decide_about_all_dead
from services.gateway.dashboard.facts import NO_PACE, unless_away
from services.gateway.dashboard.jobs import Action, Which
from services.gateway.dashboard.pages.overview import plots_of
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to

_PAGE: Final = 50
_LONGEST_TEXT: Final = 200

TABS: Final = (
    JobState.WAITING,
    JobState.PRIORITIZED,
    JobState.ACTIVE,
    JobState.DELAYED,
    JobState.WAITING_CHILDREN,
    JobState.FAILED,
    JobState.COMPLETED,
)
SEARCHED: Final = frozenset({JobState.FAILED, JobState.DELAYED})
"""States in which jobs have a reason to search for."""
ACTIONS: Final = {
    JobState.WAITING: (Action.CANCEL,),
    JobState.PRIORITIZED: (Action.CANCEL,),
    JobState.ACTIVE: (Action.CANCEL,),
    JobState.DELAYED: (Action.PROMOTE, Action.CANCEL),
    JobState.WAITING_CHILDREN: (Action.CANCEL,),
    JobState.FAILED: (Action.RETRY, Action.REMOVE),
    JobState.COMPLETED: (Action.REMOVE,),
}
"""What may be decided about the jobs of each state."""


def add_queue(pages: Blueprint, parts: Parts) -> None:
    """Adds the page of a queue."""

    @pages.get("/queues/<name>")
    @needs(Scope.SERVICE, for_workspaces=True)
    def queue(name: str) -> Response:
        _known(parts, name)
        bound_to = bound_workspace()
        stats = parts.jobs.stats(name)
        counts = stats.counts if bound_to is None else {}
        state = _state_asked() or next(
            (tab for tab in TABS if tab is not JobState.COMPLETED and counts.get(tab.value)), JobState.WAITING
        )
        cursor = request.args.get("cursor", "")
        asked = _asked("workspace") or None
        which = Which(
            workspace=asked if bound_to is None else bound_to,
            job_type=_asked("type"),
            text=_asked("text") if state in SEARCHED else "",
        )
        return page(
            parts,
            "queue.html",
            stats=stats,
            counts=counts,
            rates=None if bound_to else unless_away(parts.pace, NO_PACE).rates.get(name),
            plots=None if bound_to else plots_of(parts.series(name)),
            tabs=TABS,
            state=state,
            found=parts.jobs.browse(name, state, which, cursor=cursor, limit=_PAGE),
            cursor=cursor,
            which=which,
            filters={
                "workspace": None if bound_to else which.workspace,
                "type": which.job_type or None,
                "text": which.text or None,
            },
            job_types=[each.job_type for each in contracts().values() if each.queue == name],
            searched=state in SEARCHED,
            actions=ACTIONS[state],
        )

    @pages.post("/queues/<name>/<any(pause, resume):what>")
    @needs(Scope.ADMIN)
    def switch_queue(name: str, what: str) -> Response:
        _known(parts, name)
        parts.jobs.pause(name, paused=what == "pause")
        done = "is paused: running jobs go on, no more are started" if what == "pause" else "is resumed"
        return back_to(url_for(f"{NAME}.queue", name=name), f"{name} {done}.")

    @pages.post("/queues/<name>/jobs")
    @needs(Scope.ADMIN)
    def act_on_chosen(name: str) -> Response:
        _known(parts, name)
        action = _action_asked()
        chosen = request.form.getlist("id")[:MOST_AT_ONCE]
        told = decide_about(parts.jobs, action, name, chosen) if chosen else "No job was chosen."
        return back_to(url_for(f"{NAME}.queue", name=name, state=request.form.get("state") or None), told)

    @pages.post("/queues/<name>/dead/<any(retry, remove):what>")
    @needs(Scope.ADMIN)
    def act_on_all_dead(name: str, what: str) -> Response:
        _known(parts, name)
        told = decide_about_all_dead(parts.jobs, Action(what), name)
        return back_to(url_for(f"{NAME}.queue", name=name, state=JobState.FAILED.value), told)


def _known(parts: Parts, name: str) -> None:
    if name not in parts.queues:
        raise NotFound(f"There is no queue {name[:80]!r}.")


def _asked(name: str) -> str:
    return request.args.get(name, "").strip()[:_LONGEST_TEXT]


def _state_asked() -> JobState | None:
    given = request.args.get("state")
    if not given:
        return None
    try:
        state = JobState(given)
    except ValueError as error:
        raise NotFound(f"There is no state {given[:80]!r}.") from error
    return JobState.WAITING if state is JobState.PAUSED else state


def _action_asked() -> Action:
    try:
        return Action(request.form.get("action", ""))
    except ValueError as error:
        raise BadRequest("There is no such action.") from error
