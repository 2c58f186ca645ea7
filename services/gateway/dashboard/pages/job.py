"""A job: where it is and why, what happened to it, and what may be done."""

from collections.abc import Sequence
from typing import Any, Final

from bson import ObjectId
from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from libs.common.broker.model import JobView, QueueStats
from libs.common.errors import StoreUnavailable
from libs.common.jobs.bulk_availability import AVAILABILITY_CHUNK, BULK_AVAILABILITY
from libs.common.jobs.integration_sync import INTEGRATION_SYNC
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from libs.common.jobs.registry import contracts
from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME
from services.gateway.dashboard.changing import may_be_changed
from services.gateway.dashboard.deciding import decide_about
from services.gateway.dashboard.facts import NO_PACE, unless_away
from services.gateway.dashboard.jobs import Action
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.said import back_to
from services.gateway.dashboard.standing import standing
from services.gateway.job_view import JobAnswer

_ACTIONS: Final = {
    "failed": (Action.RETRY, Action.REMOVE),
    "completed": (Action.REMOVE,),
    "delayed": (Action.PROMOTE, Action.CANCEL),
    "waiting": (Action.CANCEL,),
    "prioritized": (Action.CANCEL,),
    "paused": (Action.CANCEL,),
    "active": (Action.CANCEL,),
    "waiting-children": (Action.CANCEL,),
}
_IN_LINE: Final = frozenset({"waiting", "prioritized"})
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})


def add_job(pages: Blueprint, parts: Parts) -> None:
    """Adds the page of a job."""

    @pages.get("/jobs/<job_id>")
    @needs(Scope.SERVICE, for_workspaces=True)
    def job(job_id: str) -> Response:
        found = found_job(parts, job_id)
        view, queue = _as_queued(parts, found)
        payload = _payload(parts, found)
        contract = contracts().get(found.job_type)
        chosen = found.options.max_attempts if found.options else None
        max_attempts = chosen or (contract.max_attempts if contract else None)
        return page(
            parts,
            "job.html",
            job=found,
            standing=standing(
                found, queue, now=parts.clock.now(), max_attempts=max_attempts, workers=_workers(parts, found)
            ),
            max_attempts=max_attempts,
            payload=payload,
            may_be_changed=may_be_changed(found, payload),
            progress=_progress(found.progress),
            log_lines=view.log_lines if view else (),
            actions=_ACTIONS.get(found.state, ()) if found.in_queue else (),
            ended=found.state in _ENDED,
            children=_children(parts, found),
            leads_to=_leads_to(found),
            explained=_explained(parts, found),
        )

    @pages.post("/jobs/<job_id>")
    @needs(Scope.ADMIN)
    def act_on_job(job_id: str) -> Response:
        found = found_job(parts, job_id)
        try:
            action = Action(request.form.get("action", ""))
        except ValueError as error:
            raise BadRequest("There is no such action.") from error
        told = decide_about(parts.jobs, action, found.queue, [job_id])
        gone = action is Action.REMOVE and found.status is None
        address = url_for(f"{NAME}.queue", name=found.queue) if gone else url_for(f"{NAME}.job", job_id=job_id)
        return back_to(address, told)


def found_job(parts: Parts, job_id: str) -> JobAnswer:
    """The job, wherever it is known.

    Raises:
        NotFound: nobody knows it, or it is another workspace's than the only one that may be seen.
    """
    found = parts.find(job_id)
    if found is None or bound_workspace() not in (None, found.workspace_id):
        raise NotFound(f"There is no job {job_id[:80]!r}; a finished one is remembered if it came from outside.")
    return found


def _as_queued(parts: Parts, job: JobAnswer) -> tuple[JobView | None, QueueStats | None]:
    if job.queue not in parts.queues:
        return None, None
    try:
        return parts.jobs.get(job.queue, job.job_id), parts.jobs.stats(job.queue)
    except StoreUnavailable:
        return None, None


def _workers(parts: Parts, job: JobAnswer) -> int | None:
    """How many workers may take a job that is in line; ``None`` where it is not, or nobody knows."""
    if job.state not in _IN_LINE:
        return None
    rates = unless_away(parts.pace, NO_PACE).rates.get(job.queue)
    return rates.workers if rates else None


def _children(parts: Parts, job: JobAnswer) -> Sequence[JobView]:
    if job.children is None or job.queue not in parts.queues:
        return ()
    return unless_away(lambda: parts.jobs.children(job.job_id, queue=job.queue, workspace=job.workspace_id), [])


def _leads_to(job: JobAnswer) -> tuple[str, str] | None:
    """Where more is told of what the job is about: the words of the link, and its address."""
    told = job.data or {}
    match job.job_type:
        case BULK_AVAILABILITY.job_type:
            return "Every lead and its outcome", url_for(f"{NAME}.one_list", job_id=job.job_id)
        case AVAILABILITY_CHUNK.job_type if job.parent_id:
            return "The list that it is part of", url_for(f"{NAME}.one_list", job_id=job.parent_id)
        case INTEGRATION_SYNC.job_type if told.get("integrationId"):
            return "The integration and its runs", url_for(
                f"{NAME}.integration", integration_id=str(told["integrationId"])
            )
        case MESSAGE_PROCESSING.job_type if told.get("messageId"):
            return "The message and its history", url_for(f"{NAME}.message", message_id=str(told["messageId"]))
    return None


def _explained(parts: Parts, job: JobAnswer) -> str:
    """Why the message of an unfinished job is not sent yet; empty where the job is about none."""
    message_id = str((job.data or {}).get("messageId", ""))
    if job.job_type != MESSAGE_PROCESSING.job_type or job.state in _ENDED or not ObjectId.is_valid(message_id):
        return ""
    found = unless_away(lambda: parts.messages.explain(message_id), None)
    return found.explanation if found else "There is no such message any more."


def _payload(parts: Parts, job: JobAnswer) -> Any:
    return job.data if job.data is not None else parts.payload_of(job.job_id)


def _progress(told: Any) -> tuple[float, float] | None:
    """How much of how much is done, where a job tells it in the usual words."""
    if not isinstance(told, dict):
        return None
    total = told.get("total")
    done = next((told[name] for name in ("checked", "done", "processed") if name in told), None)
    if not isinstance(total, int | float) or not isinstance(done, int | float) or total <= 0:
        return None
    return float(done), float(total)
