"""From a document of ``messages`` to a :class:`~libs.common.messages.model.Message`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from libs.common.messages.model import Message
from libs.common.messages.states import MessageStatus


def message_of(document: Mapping[str, Any]) -> Message:
    """The message that a document holds; fields of a kind that makes no sense count as absent."""
    lease = document.get("lease")
    lease = lease if isinstance(lease, Mapping) else {}
    return Message(
        message_id=str(document["_id"]),
        workspace_id=str(document.get("workspaceId") or ""),
        to=str(document.get("to") or ""),
        text=str(document.get("text") or ""),
        status=MessageStatus(document["status"]),
        lead_id=_id(document.get("leadId")),
        line_id=_id(document.get("lineId")),
        campaign_id=_id(document.get("campaignId")),
        scheduled_at=_moment(document.get("scheduledAt")),
        not_before=_moment(document.get("notBefore")),
        reason=_id(document.get("reason")),
        attempts=_count(document.get("attempts")),
        dispatched_at=_moment(document.get("dispatchedAt")),
        absent_since=_moment(document.get("absentSince")),
        unheard_since=_moment(document.get("unheardSince")),
        starts_conversation=document.get("startsConversation") is True,
        lease_owner=_id(lease.get("owner")),
        lease_expires_at=_moment(lease.get("expiresAt")),
        claimed_at=_moment(lease.get("claimedAt")),
        job_id=_id(document.get("jobId")),
        provider_message_id=_id(document.get("providerMessageId")),
        sent_at=_moment(document.get("sentAt")),
        error=_id(document.get("error")),
        created_at=_moment(document.get("createdAt")),
        updated_at=_moment(document.get("updatedAt")),
    )


def _id(value: object) -> str | None:
    """Ids may be stored as text or as ObjectIds."""
    return None if value is None or value == "" else str(value)


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
