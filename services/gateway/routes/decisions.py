"""`DELETE /jobs/{id}`, `POST /jobs/{id}/retry`, `POST /jobs/{id}/promote`."""

from typing import Any

import msgspec
from flask import Response

from services.gateway.answers import json_answer
from services.gateway.audit import note
from services.gateway.auth import Scope
from services.gateway.decisions import Decided, Decisions
from services.gateway.declaring import Routes


class RetryOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How a dead letter runs again.

    Args:
        data: its whole payload, in place of the one that it had.
    """

    data: dict[str, Any] | None = None


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
        summary="Run a dead letter again, its attempts from none, and where a body says so with another payload",
        body=RetryOrder,
        body_optional=True,
        answers={200: Decided},
        problems=[404, 409],
    )
    def retry_job(job_id: str, body: RetryOrder | None) -> Response:
        if body is None or body.data is None:
            return json_answer(decisions.retry(job_id))
        edited = decisions.retry_with(job_id, body.data)
        note(jobId=job_id, changes=edited.changes())
        return json_answer(edited.decided)

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
