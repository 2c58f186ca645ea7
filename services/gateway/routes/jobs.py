"""`POST /jobs`, `POST /jobs/batch`, `GET /jobs/{id}`."""

from collections.abc import Sequence

import msgspec
from flask import Response
from werkzeug.exceptions import NotFound

from libs.common.errors import InvalidInput
from services.gateway.answers import Problem, json_answer, problem_of
from services.gateway.auth import Scope, bound_workspace
from services.gateway.current import current_request
from services.gateway.declaring import Routes
from services.gateway.job_view import JobAnswer, JobFinder
from services.gateway.orders import BatchRequest, JobRequest, Wish, order_of, read_idempotency_key
from services.gateway.submission import Door, Receipt

KEY_HEADER = {"Idempotency-Key": "Asking again with the same key answers the same job."}


class BatchItemAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one job of a batch: its receipt, or the problem that it has."""

    accepted: bool
    job: Receipt | None = None
    problem: Problem | None = None


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer per job, in the order of the request."""

    jobs: Sequence[BatchItemAnswer]


def _batch_item(receipt: Receipt | InvalidInput) -> BatchItemAnswer:
    if isinstance(receipt, Receipt):
        return BatchItemAnswer(accepted=True, job=receipt)
    return BatchItemAnswer(accepted=False, problem=problem_of(receipt))


def jobs_routes(door: Door, finder: JobFinder) -> Routes:
    """The routes that take jobs in and show them."""
    routes = Routes("jobs")

    @routes.declare(
        "POST",
        "/jobs",
        scope=Scope.SERVICE,
        summary="Enqueue a job, or run a small one at once",
        body=JobRequest,
        headers=KEY_HEADER,
        answers={200: Receipt, 202: Receipt},
        audited=False,
        for_workspaces=True,
        on_loop=True,
    )
    def submit(body: JobRequest) -> Response:
        asked = current_request()
        key = read_idempotency_key(asked.headers.get("Idempotency-Key"))
        receipt = door.submit(order_of(body, bound_to=bound_workspace()), idempotency_key=key)
        location = {"Location": f"{asked.path.rstrip('/')}/{receipt.job_id}"}
        return json_answer(receipt, status=200 if receipt.ended else 202, headers=location)

    @routes.declare(
        "POST",
        "/jobs/batch",
        scope=Scope.SERVICE,
        summary="Enqueue up to 1,000 jobs; one answer per job, in their order",
        body=BatchRequest,
        answers={200: BatchAnswer},
        audited=False,
        for_workspaces=True,
    )
    def submit_batch(body: BatchRequest) -> Response:
        workspace_id = bound_workspace()
        receipts = door.submit_many([Wish(asked, bound_to=workspace_id) for asked in body.jobs])
        return json_answer(BatchAnswer(jobs=[_batch_item(receipt) for receipt in receipts]))

    @routes.declare(
        "GET",
        "/jobs/<job_id>",
        scope=Scope.SERVICE,
        summary="State, progress, attempts, result and children of a job",
        answers={200: JobAnswer},
        problems=[404],
        for_workspaces=True,
    )
    def show(job_id: str) -> Response:
        return json_answer(found_job(finder, job_id))

    return routes


def found_job(finder: JobFinder, job_id: str) -> JobAnswer:
    """The job.

    Raises:
        NotFound: nobody knows it, or it is of another workspace than the caller's.
    """
    job = finder.find(job_id)
    if job is None or bound_workspace() not in (None, job.workspace_id):
        raise NotFound(f"There is no job {job_id[:80]!r}; a finished one is remembered if it came from outside.")
    return job
