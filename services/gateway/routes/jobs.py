"""`POST /jobs`, `POST /jobs/batch`, `GET /jobs/{id}`."""

from flask import Response, request
from werkzeug.exceptions import NotFound

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.job_view import JobAnswer, JobFinder
from services.gateway.orders import JobRequest, order_of, read_idempotency_key
from services.gateway.submission import Door, Receipt

KEY_HEADER = {"Idempotency-Key": "Asking again with the same key answers the same job."}


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
    )
    def submit(body: JobRequest) -> Response:
        key = read_idempotency_key(request.headers.get("Idempotency-Key"))
        receipt = door.submit(order_of(body), idempotency_key=key)
        location = {"Location": f"{request.path}/{receipt.job_id}"}
        return json_answer(receipt, status=200 if receipt.ended else 202, headers=location)

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
        NotFound: nobody knows it.
    """
    job = finder.find(job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id[:80]!r}; a finished one is remembered if it came from outside.")
    return job
