"""The contract of sending: what every provider's adapter must be able to do with a message, and what it may answer.

An adapter makes one call and says what it knows of its effect. Three answers, and the difference between the second
and the third is what keeps a message from going out twice: *refused* is said only where the message certainly did not
go out; everything that is not certain is *unknown*.
"""

from datetime import datetime, timedelta
from typing import Protocol

import msgspec


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it goes to a provider.

    Args:
        to: the recipient's handle, normalised (E.164 or a lower-case address).
        text: what it says.
        reference: ours, derived from the message's id and the same on every attempt.
        starts_conversation: whether nothing was ever sent to this recipient on this line.
    """

    to: str
    text: str
    reference: str
    starts_conversation: bool = False


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The provider has taken the message.

    Args:
        provider_message_id: its name for it.
    """

    provider_message_id: str


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The message certainly did not go out.

    Args:
        reason: what the provider, or the connection to it, said; free of secrets and of the message's text.
        lasting: the same message will be refused again, whatever the time and the line.
        line_fault: the line is at fault, not the message: unreachable, signed out, its keys refused.
        busy: the provider asks for fewer or later calls.
        retry_after: for how long, where it says so.
    """

    reason: str
    lasting: bool = False
    line_fault: bool = False
    busy: bool = False
    retry_after: timedelta | None = None


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the message went out is not known: no answer, or one that leaves it open.

    Args:
        reason: what happened.
    """

    reason: str


SendAnswer = Sent | Refused | Unknown


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A message of ours that went out, to the recipient and with the text that were asked for.

    Args:
        provider_message_id: the provider's name for it.
        at: when it was made, by the provider's clock.
    """

    provider_message_id: str
    at: datetime


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider has in the span that was asked for.

    Args:
        sightings: messages that fit, oldest first. One that the provider has as failed did not go out and is no
            sighting.
        unclear: whether there are others of which it cannot be told whether they fit, so that finding none proves
            nothing.
    """

    sightings: tuple[Sighting, ...] = ()
    unclear: bool = False


class CannotAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The provider could not be asked.

    Args:
        reason: why.
        lasting: asking again is of no use.
    """

    reason: str
    lasting: bool = False


SearchAnswer = Seen | CannotAsk


class MessageSender(Protocol):
    """Sends through one line. Safe for many messages at once inside one event loop; holds no limits of its own."""

    @property
    def settles_within(self) -> timedelta:
        """How long after a call began the provider may still act on it; a message absent after that will not come."""
        ...

    async def send(self, message: Outgoing) -> SendAnswer:
        """Makes one call that sends ``message``; never repeats it. Raises nothing but a programming error."""
        ...

    async def find(self, message: Outgoing, *, since: datetime, until: datetime) -> SearchAnswer:
        """What the provider has that may be ``message``, made in a span of its clock. Calls without any effect.

        Args:
            message: as it was sent.
            since: aware; the start of the span, clock slack included.
            until: aware; its end.
        """
        ...
