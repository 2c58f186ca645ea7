"""Which dead letters a person may run again with other data. No I/O."""

from typing import Any, Final

import msgspec

from libs.common.jobs.contract import Origin
from libs.common.jobs.registry import contracts

LONGEST: Final = 20_000
"""Data of more bytes are not changed by hand."""


def may_be_changed(job_type: str, state: str, payload: Any) -> bool:
    """Whether a job is a dead letter of a kind that people may ask for, with data that fit a page."""
    contract = contracts().get(job_type)
    is_asked_for = contract is not None and contract.origin is Origin.REST
    return is_asked_for and state == "failed" and len(msgspec.json.encode(payload)) <= LONGEST
