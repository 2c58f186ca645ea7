"""`bulk-action`: retry, remove, promote or cancel every job that fits a filter, as one job with progress.

It comes from a route of its own that needs the admin token, and is carried out by the gateway's own worker; see
docs/decisions/operations.md.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from libs.common.jobs.contract import JobContract, Origin, Payload
from libs.common.jobs.fields import NonEmptyText
from libs.common.jobs.states import JobState

QUEUE = "operations"


class Action(StrEnum):
    """What may be done with many jobs."""

    RETRY = "retry"
    REMOVE = "remove"
    PROMOTE = "promote"
    CANCEL = "cancel"


class JobFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which jobs; each field that is set leaves out what does not fit it.

    Args:
        queues: of these queues; of every one where none is named.
        state: in this state; in every state that the action is for where none is named.
        job_type: of this type.
        workspace_id: of this workspace.
        error: whose reason or attempts hold this text, in whatever case.
        error_type: whose last error is of this kind (``Retryable``).
        created_after: made after this moment.
        created_before: made before it.
        finished_after: ended after this moment.
        finished_before: ended before it.
    """

    queues: tuple[NonEmptyText, ...] = ()
    state: JobState | None = None
    job_type: str | None = None
    workspace_id: str | None = None
    error: str = ""
    error_type: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None


class BulkOrder(Payload, frozen=True, kw_only=True):
    """What to do with which jobs.

    Args:
        action: what to do.
        filter: with which jobs.
        as_of: only with those that were so at this moment: what fails again after its retry is left alone.
    """

    action: Action
    filter: JobFilter
    as_of: datetime


BULK_ACTION = JobContract(
    job_type="bulk-action",
    queue=QUEUE,
    payload=BulkOrder,
    origin=Origin.ROUTE,
    time_limit=timedelta(minutes=8),
)
