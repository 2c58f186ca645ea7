"""`POST /jobs` and `GET /jobs/{id}`."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.bodies import read_object
from services.gateway.job_view import JobFinder
from services.gateway.orders import read_idempotency_key, read_order
from services.gateway.submission import Door


def jobs_routes(door: Door, finder: JobFinder) -> Blueprint:
    """The routes of single jobs."""
    routes = Blueprint("jobs", __name__)

    @routes.post("/jobs")
    @needs(Scope.SERVICE)
    def submit() -> Response:
        key = read_idempotency_key(request.headers.get("Idempotency-Key"))
        receipt = door.submit(read_order(read_object(request)), idempotency_key=key)
        location = {"Location": f"{request.path}/{receipt.job_id}"}
        return json_answer(receipt, status=200 if receipt.ended else 202, headers=location)

    @routes.get("/jobs/<job_id>")
    @needs(Scope.SERVICE)
    def show(job_id: str) -> Response:
        job = finder.find(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id[:80]!r}; a finished one is remembered if it came from outside.")
        return json_answer(job)

    return routes
