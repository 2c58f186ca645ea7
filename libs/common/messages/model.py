"""A message as MongoDB holds it, as typed data."""

from datetime import datetime

import msgspec

from libs.common.messages.states import MessageStatus


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message.

    Args:
        message_id: its id, 24 hex digits.
        workspace_id: whose it is.
        to: the recipient as the app wrote it.
        text: what it says.
        status: where it is.
        lead_id: the lead it goes to, where the app names one.
        line_id: the line it names, was given or went through.
        campaign_id: the campaign it is part of.
        scheduled_at: when the app wants it sent.
        not_before: when it is tried next, where it waits.
        reason: why it waits, or what ended it.
        attempts: how often it was marked as dispatched.
        dispatched_at: when it was last marked, by MongoDB's clock; there means that it may have gone out.
        absent_since: since when its provider, asked again and again, says that it has no such message.
        unheard_since: when its provider first gave no answer to the question whether it has it.
        starts_conversation: whether that was the first message to the recipient on its line.
        lease_owner: which attempt holds it.
        lease_expires_at: until when, by MongoDB's clock.
        claimed_at: when that attempt claimed it, by MongoDB's clock.
        job_id: the job that last claimed it.
        provider_message_id: the provider's name for it.
        sent_at: when the provider took it.
        error: the last fault, for a person.
        created_at: when the app wrote it.
        updated_at: when it last changed.
    """

    message_id: str
    workspace_id: str
    to: str
    text: str
    status: MessageStatus
    lead_id: str | None = None
    line_id: str | None = None
    campaign_id: str | None = None
    scheduled_at: datetime | None = None
    not_before: datetime | None = None
    reason: str | None = None
    attempts: int = 0
    dispatched_at: datetime | None = None
    absent_since: datetime | None = None
    unheard_since: datetime | None = None
    starts_conversation: bool = False
    lease_owner: str | None = None
    lease_expires_at: datetime | None = None
    claimed_at: datetime | None = None
    job_id: str | None = None
    provider_message_id: str | None = None
    sent_at: datetime | None = None
    error: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def client_reference(message_id: str) -> str:
    """Our name for a message at its provider: the same on every attempt."""
    return f"tuco-{message_id}"
