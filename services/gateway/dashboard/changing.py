"""Which dead letters a person may run again with other data. No I/O."""

from typing import Any, Final

import msgspec

from libs.common.jobs.contract import Origin
from libs.common.jobs.registry import contracts
from services.gateway.job_view import JobAnswer

LONGEST: Final = 20_000
"""Data of more bytes are not changed by hand."""


def may_be_changed(job: JobAnswer, payload: Any) -> bool:
    """Whether a job is a dead letter that a person asked for, with data that fit a page."""
    contract = contracts().get(job.job_type)
    is_asked_for = contract is not None and contract.origin is not Origin.SCHEDULE and job.status is not None
    return is_asked_for and job.state == "failed" and len(msgspec.json.encode(payload)) <= LONGEST
