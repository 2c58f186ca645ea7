"""The indexes of ``messages``: one for each question that is asked on a schedule or per message.

Those of states that a message only passes through are partial, so they stay as small as the work in hand, however many
messages were ever sent. A query uses a partial index only where it names the same condition.
"""

from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from libs.common.messages.states import MessageStatus


def _only(status: MessageStatus) -> Mapping[str, Any]:
    return {"status": status.value}


_DISPATCHED = {"dispatchedAt": {"$exists": True}}

DUE = "due"
QUEUED = "queued"
SENDING = "sending"
UNCERTAIN = "uncertain"
FAILED = "failed"
REPLAYABLE_FAILED = "replayable_failed"
REPLAYABLE_CANCELLED = "replayable_cancelled"

MESSAGE_INDEXES = (
    # What is due, oldest first.
    IndexModel([("scheduledAt", ASCENDING)], name=DUE, partialFilterExpression=_only(MessageStatus.SCHEDULED)),
    # What should have a job, for when the jobs are lost.
    IndexModel(
        [("status", ASCENDING), ("_id", ASCENDING)],
        name=QUEUED,
        partialFilterExpression=_only(MessageStatus.QUEUED),
    ),
    IndexModel([("lease.expiresAt", ASCENDING)], name=SENDING, partialFilterExpression=_only(MessageStatus.SENDING)),
    # What has failed, for a person who looks: of all workspaces in the order of time, or those of one among them.
    IndexModel(
        [("updatedAt", DESCENDING), ("workspaceId", ASCENDING)],
        name=FAILED,
        partialFilterExpression=_only(MessageStatus.FAILED),
    ),
    # On which line a recipient was last written to.
    IndexModel([("workspaceId", ASCENDING), ("to", ASCENDING), ("createdAt", DESCENDING)], name="conversation"),
    # What was sent and what is promised, for when the budgets are lost.
    IndexModel(
        [("lineId", ASCENDING), ("dispatchedAt", ASCENDING)], name="of_line", partialFilterExpression=_DISPATCHED
    ),
    IndexModel(
        [("workspaceId", ASCENDING), ("dispatchedAt", ASCENDING)],
        name="of_workspace",
        partialFilterExpression=_DISPATCHED,
    ),
    IndexModel(
        [("lineId", ASCENDING), ("notBefore", ASCENDING)],
        name="promised",
        partialFilterExpression=_only(MessageStatus.QUEUED),
    ),
    # One message of ours per message of the provider's, and the way from a delivery report to its message.
    IndexModel(
        [("lineId", ASCENDING), ("providerMessageId", ASCENDING)],
        name="one_per_provider_message",
        unique=True,
        partialFilterExpression={"providerMessageId": {"$type": "string"}},
    ),
    # What a person may have queued again, workspace by workspace.
    *(
        IndexModel([("workspaceId", ASCENDING), ("_id", ASCENDING)], name=name, partialFilterExpression=_only(status))
        for name, status in (
            (REPLAYABLE_FAILED, MessageStatus.FAILED),
            (REPLAYABLE_CANCELLED, MessageStatus.CANCELLED),
        )
    ),
    # How far a campaign is.
    IndexModel(
        [("workspaceId", ASCENDING), ("campaignId", ASCENDING), ("status", ASCENDING)],
        name="of_campaign",
        partialFilterExpression={"campaignId": {"$exists": True}},
    ),
    # What waits for a person, in one workspace and in all.
    IndexModel(
        [("workspaceId", ASCENDING), ("updatedAt", DESCENDING)],
        name=UNCERTAIN,
        partialFilterExpression=_only(MessageStatus.UNCERTAIN),
    ),
    IndexModel(
        [("updatedAt", DESCENDING)],
        name="uncertain_of_all",
        partialFilterExpression=_only(MessageStatus.UNCERTAIN),
    ),
)
