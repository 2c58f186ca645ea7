"""The states of a message and the only ways from one to another.

::

    draft -> scheduled -> queued -> sending -> sent -> delivered
                                      |-> failed      (the provider says it never will be sent, or we gave up)
                                      |-> uncertain   (it cannot be known whether it went out: parked for a person)
                            any state before sending -> cancelled

Every write to a message's status names the states it may come from, and those come from this table.
"""

from collections.abc import Mapping
from enum import StrEnum


class MessageStatus(StrEnum):
    """Where a message is, in the words of MongoDB, REST and the dashboard."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


_S = MessageStatus

TRANSITIONS: Mapping[MessageStatus, frozenset[MessageStatus]] = {
    # Sent may follow every state: a provider's answer that comes late, after whatever was decided meanwhile, is the
    # truth all the same, and a message that went out must never be sent again.
    _S.DRAFT: frozenset({_S.SCHEDULED, _S.QUEUED, _S.CANCELLED, _S.SENT}),
    # A job for a message whose time has come may claim it before the minute's tick does.
    _S.SCHEDULED: frozenset({_S.DRAFT, _S.QUEUED, _S.SENDING, _S.CANCELLED, _S.SENT}),
    _S.QUEUED: frozenset({_S.SENDING, _S.CANCELLED, _S.SENT}),
    # Sending to sending: the lease has run out, or the same job runs again after its worker died.
    _S.SENDING: frozenset({_S.SENDING, _S.QUEUED, _S.FAILED, _S.UNCERTAIN, _S.CANCELLED, _S.SENT}),
    _S.SENT: frozenset({_S.DELIVERED, _S.FAILED}),
    _S.DELIVERED: frozenset(),
    # A person may have a failed or cancelled message, or one of which nobody knows, sent after all.
    _S.FAILED: frozenset({_S.QUEUED, _S.SENT}),
    _S.UNCERTAIN: frozenset({_S.QUEUED, _S.FAILED, _S.SENT}),
    _S.CANCELLED: frozenset({_S.QUEUED, _S.SENT}),
}
"""From each state, the states that may follow it."""

NEVER_SENT_BY_ITSELF = frozenset({_S.DRAFT, _S.SENT, _S.DELIVERED, _S.FAILED, _S.UNCERTAIN, _S.CANCELLED})
"""States from which nothing but a person's act leads to a call of the provider."""

UNFINISHED = frozenset({_S.QUEUED, _S.SENDING})
"""States in which a job is, or must soon be, at work on the message."""


def sources_of(target: MessageStatus) -> frozenset[MessageStatus]:
    """The states from which ``target`` may be reached in one step."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)


class Heard(StrEnum):
    """What was heard of a message that may have gone out and is to be asked about again."""

    NOT_ASKED = "not_asked"
    """Its provider was not asked yet."""
    ABSENT = "absent"
    """Its provider says that it has no such message."""
    NOTHING = "nothing"
    """Its provider gave no answer."""
