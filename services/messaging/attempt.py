"""One attempt to send one message: the message as it was claimed, and by whom."""

from dataclasses import dataclass

from libs.common.messages.model import Message, client_reference
from libs.common.providers.sending import Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that holds a message.

    Args:
        message: the message as it was claimed.
        owner: the attempt's token.
    """

    message: Message
    owner: str

    def outgoing(self, handle: str, *, starts_conversation: bool) -> Outgoing:
        """The message as it goes to a provider."""
        return Outgoing(
            to=handle,
            text=self.message.text,
            reference=client_reference(self.message.message_id),
            starts_conversation=starts_conversation,
        )
