"""`message-replay`: queue the messages of a workspace again that failed or were cancelled and never went out."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from libs.common.jobs.bulk_action import QUEUE
from libs.common.jobs.contract import JobContract, Origin, Payload
from libs.common.jobs.fields import NonEmptyText


class Replayed(StrEnum):
    """Which messages may be replayed; others are on their way, or have gone out, or may have."""

    FAILED = "failed"
    CANCELLED = "cancelled"


class MessageFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which messages; each field that is set leaves out what does not fit it.

    Args:
        status: those that failed, or those that were cancelled.
        campaign_id: of this campaign.
        line_id: that were to go through this line.
        reason: that ended for this reason.
        error: whose error holds this text, in whatever case.
        changed_after: that ended after this moment.
        changed_before: that ended before it.
    """

    status: Replayed = Replayed.FAILED
    campaign_id: str | None = None
    line_id: str | None = None
    reason: str | None = None
    error: str = ""
    changed_after: datetime | None = None
    changed_before: datetime | None = None


class MessageReplay(Payload, frozen=True, kw_only=True):
    """Which messages of which workspace, as they were at a moment: what fails again is not replayed once more."""

    workspace_id: NonEmptyText
    filter: MessageFilter
    as_of: datetime


MESSAGE_REPLAY = JobContract(
    job_type="message-replay",
    queue=QUEUE,
    payload=MessageReplay,
    origin=Origin.ROUTE,
    time_limit=timedelta(minutes=8),
    workspace=lambda payload: payload.workspace_id,
)
