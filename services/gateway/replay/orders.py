"""What a request to replay messages makes. No I/O."""

from datetime import datetime
from typing import Annotated

import msgspec

from libs.common.errors import InvalidInput
from libs.common.jobs.fields import NonEmptyText
from libs.common.jobs.message_replay import MessageFilter, MessageReplay, Replayed
from services.gateway.bulk.moments import Moment, read_moment


class MessageFilterRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which messages; each field that is set leaves out what does not fit it. At least one is set.

    Args:
        status: ``failed`` or ``cancelled``; failed ones where it is not named.
        campaign_id: of this campaign.
        line_id: that were to go through this line.
        reason: that ended for this reason.
        error: whose error holds this text, in whatever case.
        changed_after: that ended after this moment, such as ``2026-03-01T12:00:00Z`` or ``-2h``.
        changed_before: that ended before it.
    """

    status: Replayed | None = None
    campaign_id: NonEmptyText | None = None
    line_id: NonEmptyText | None = None
    reason: NonEmptyText | None = None
    error: Annotated[str, msgspec.Meta(max_length=200)] = ""
    changed_after: Moment | None = None
    changed_before: Moment | None = None


class MessageReplayRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which messages to queue again.

    Args:
        workspace_id: whose messages.
        filter: which of them.
        dry_run: whether to say only how many messages that are, and which.
    """

    workspace_id: NonEmptyText
    filter: MessageFilterRequest
    dry_run: bool = False


def replay_of(asked: MessageReplayRequest, *, now: datetime) -> MessageReplay:
    """The order that a request makes, its moments fixed.

    Raises:
        InvalidInput: the filter names nothing, or a moment that cannot be read.
    """
    which = asked.filter
    if which == MessageFilterRequest():
        raise InvalidInput(
            "filter",
            "is empty and would mean every failed message; name at least one of: status, campaignId, lineId, reason, "
            "error, changedAfter, changedBefore",
        )
    return MessageReplay(
        workspace_id=asked.workspace_id,
        filter=MessageFilter(
            status=which.status or Replayed.FAILED,
            campaign_id=which.campaign_id,
            line_id=which.line_id,
            reason=which.reason,
            error=which.error,
            changed_after=read_moment(which.changed_after, field="filter.changedAfter", now=now),
            changed_before=read_moment(which.changed_before, field="filter.changedBefore", now=now),
        ),
        as_of=now,
    )
