"""Running a dead letter again with other data."""

from typing import Any

import msgspec
from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest

from libs.common.logging import get_logger
from services.gateway.audit import note
from services.gateway.auth import Scope, needs
from services.gateway.dashboard.access import NAME
from services.gateway.dashboard.deciding import who
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.said import back_to

log = get_logger(__name__)


def add_changed(pages: Blueprint, parts: Parts) -> None:
    """Adds the way to run a dead letter again with other data."""

    @pages.post("/jobs/<job_id>/changed")
    @needs(Scope.ADMIN)
    def run_changed(job_id: str) -> Response:
        edited = parts.jobs.retry_with(job_id, _data(request.form.get("data", "")))
        note(jobId=job_id, changes=edited.changes())
        log.info("job.run_changed", job_id=job_id, by=who())
        return back_to(url_for(f"{NAME}.job", job_id=job_id), "The job runs again, with the changed data.")


def _data(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadRequest(f"The data are no JSON object: {error}.") from error
