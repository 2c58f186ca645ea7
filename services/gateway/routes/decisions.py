"""`DELETE /jobs/{id}`, `POST /jobs/{id}/retry`, `POST /jobs/{id}/promote`."""

from flask import Response

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.decisions import Decided, Decisions
from services.gateway.declaring import Routes


def decisions_routes(decisions: Decisions) -> Routes:
    """The routes by which a person decides about one job."""
    routes = Routes("decisions")

    @routes.declare(
        "DELETE",
        "/jobs/<job_id>",
        scope=Scope.ADMIN,
        summary="Cancel a job that has not ended (202 where it runs and was asked to stop), remove one that has",
        answers={200: Decided, 202: Decided},
        problems=[404],
    )
    def end_job(job_id: str) -> Response:
        decided = decisions.end(job_id)
        return json_answer(decided, status=202 if decided.status == "cancelling" else 200)

    @routes.declare(
        "POST",
        "/jobs/<job_id>/retry",
        scope=Scope.ADMIN,
        summary="Run a dead letter again, its attempts from none",
        answers={200: Decided},
        problems=[404, 409],
    )
    def retry_job(job_id: str) -> Response:
        return json_answer(decisions.retry(job_id))

    @routes.declare(
        "POST",
        "/jobs/<job_id>/promote",
        scope=Scope.ADMIN,
        summary="Run a delayed job now",
        answers={200: Decided},
        problems=[404, 409],
    )
    def promote_job(job_id: str) -> Response:
        return json_answer(decisions.promote(job_id))

    return routes
