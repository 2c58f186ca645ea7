"""Running a dead letter again with other data: a new job takes its place."""

import hashlib
from typing import Any

import msgspec
from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import BadRequest, Conflict

from libs.common.jobs.states import LedgerStatus
from libs.common.logging import get_logger
from services.gateway.auth import Scope, needs
from services.gateway.dashboard.access import NAME
from services.gateway.dashboard.deciding import who
from services.gateway.dashboard.jobs import Action
from services.gateway.dashboard.pages.job import found_job
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.said import back_to
from services.gateway.orders import JobRequest, order_of

log = get_logger(__name__)


def add_changed(pages: Blueprint, parts: Parts) -> None:
    """Adds the way to run a dead letter again with other data."""

    @pages.post("/jobs/<job_id>/changed")
    @needs(Scope.ADMIN)
    def run_changed(job_id: str) -> Response:
        found = found_job(parts, job_id)
        data = _data(request.form.get("data", ""))
        order = order_of(JobRequest(job_type=found.job_type, data=data))
        if found.state != "failed":
            raise Conflict(f"Job {job_id} is {found.state}; only the data of a dead letter can be changed.")
        # The same change of the same dead letter is one wish, however often the button is pressed.
        digest = hashlib.sha256(msgspec.json.encode(order.data, order="deterministic")).hexdigest()[:16]
        receipt = parts.submit(order, f"changed-{job_id}-{digest}")
        if receipt.status != LedgerStatus.FAILED:
            parts.jobs.act(Action.REMOVE, found.queue, [job_id])
        log.info("job.run_changed", dead_letter=job_id, job_id=receipt.job_id, by=who())
        told = "A job with the changed data has taken the dead letter's place."
        return back_to(url_for(f"{NAME}.job", job_id=receipt.job_id), told)


def _data(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadRequest(f"The data are no JSON object: {error}.") from error
