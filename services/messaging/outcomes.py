"""How an attempt to send a message ended."""

import msgspec

from libs.common.messages.states import MessageStatus


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The result of a job, or of a run that is answered at once.

    Args:
        message_id: the message.
        status: where it is now.
        reason: why, where it did not simply go.
        provider_message_id: the provider's name for it, where it went.
    """

    message_id: str
    status: MessageStatus
    reason: str | None = None
    provider_message_id: str | None = None
