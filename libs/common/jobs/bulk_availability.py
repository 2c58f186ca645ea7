"""`bulk-availability-check`: which of these leads can be reached by iMessage? The parent splits into chunk jobs."""

from datetime import timedelta
from typing import Annotated

import msgspec

from libs.common.jobs.contract import JobContract, Origin, Payload, Retention
from libs.common.jobs.fields import NonEmptyText, ObjectIdText

QUEUE = "bulk-availability"

MAX_LEADS = 250_000
"""The most leads one request may name; their ids are one ledger document, and MongoDB's documents end at 16 MiB."""

DIRECT_LEADS = 10
"""Up to so many leads are answered in the request itself."""


class BulkAvailability(Payload, frozen=True, kw_only=True):
    """The leads to check, of one workspace, asked for by one user."""

    lead_ids: Annotated[list[ObjectIdText], msgspec.Meta(min_length=1, max_length=MAX_LEADS)]
    user_id: NonEmptyText
    workspace_id: NonEmptyText


class AvailabilityChunk(Payload, frozen=True, kw_only=True):
    """A part of a run: the run is the parent job, whose id marks each stored answer."""

    run_id: str
    lead_ids: list[ObjectIdText]
    workspace_id: NonEmptyText


BULK_AVAILABILITY = JobContract(
    job_type="bulk-availability-check",
    queue=QUEUE,
    payload=BulkAvailability,
    origin=Origin.REST,
    time_limit=timedelta(minutes=5),
    workspace=lambda payload: payload.workspace_id,
    data_in_ledger=True,
)

AVAILABILITY_CHUNK = JobContract(
    job_type="availability-chunk",
    queue=QUEUE,
    payload=AvailabilityChunk,
    origin=Origin.DERIVED,
    time_limit=timedelta(minutes=2),
    retention=Retention(count=0),
    workspace=lambda payload: payload.workspace_id,
)
