"""Which adapter sends for which provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from libs.common.credentials import CredentialsUnreadable, CredentialsVault
from libs.common.providers.bluebubbles.client import BlueBubblesClient
from libs.common.providers.bluebubbles.sending import BlueBubblesSender
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.observed import ObservedTransport
from libs.common.providers.sendblue.client import SendblueClient
from libs.common.providers.sendblue.sending import SendblueSender
from libs.common.providers.sending import MessageSender, Outgoing
from libs.common.providers.transport import Transport
from libs.common.stores.sending_lines import SendingLine

Credentials = Mapping[str, str]
CallbackUrl = Callable[[SendingLine, Outgoing], str | None]
"""Where a provider may report on one message of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions:
    """What may be chosen for all lines.

    Args:
        settles_within: by provider, how long after a call began it may still have an effect; else the adapter's own.
        callback_url: where a provider may report on one message.
    """

    settles_within: Mapping[str, timedelta]
    callback_url: CallbackUrl = lambda _line, _message: None


def sender_for(
    line: SendingLine, transport: Transport, vault: CredentialsVault, options: SenderOptions
) -> MessageSender:
    """What sends through ``line``.

    Args:
        line: the line.
        transport: makes the calls; it must say for certain whether a lost call was never sent.
        vault: opens the line's credentials.
        options: what was chosen for all lines.

    Raises:
        LineFault: no adapter speaks its protocol, or its credentials cannot be opened or lack a part.
    """
    build = _SENDERS.get(line.provider)
    if build is None:
        raise LineFault(FaultReason.UNKNOWN_PROVIDER)
    try:
        return build(
            line, ObservedTransport(transport, line.provider), vault.open(line.credentials, record=line.record), options
        )
    except (CredentialsUnreadable, KeyError):
        raise LineFault(FaultReason.CREDENTIALS_UNREADABLE) from None


def reaches(provider: str, handle: str) -> bool:
    """Whether a provider can send to this kind of handle: Sendblue takes telephone numbers only."""
    return provider != "sendblue" or "@" not in handle


def _bluebubbles(
    line: SendingLine, transport: Transport, credentials: Credentials, options: SenderOptions
) -> MessageSender:
    client = BlueBubblesClient(transport, server_url=line.server_url, password=credentials["password"])
    settles = options.settles_within.get("bluebubbles")
    return BlueBubblesSender(client, settles_within=settles) if settles else BlueBubblesSender(client)


def _sendblue(
    line: SendingLine, transport: Transport, credentials: Credentials, options: SenderOptions
) -> MessageSender:
    client = SendblueClient(
        transport,
        server_url=line.server_url,
        api_key_id=credentials["apiKeyId"],
        api_secret_key=credentials["apiSecretKey"],
    )

    def callback(message: Outgoing) -> str | None:
        return options.callback_url(line, message)

    settles = options.settles_within.get("sendblue")
    if settles:
        return SendblueSender(client, from_number=line.address, status_callback=callback, settles_within=settles)
    return SendblueSender(client, from_number=line.address, status_callback=callback)


_SENDERS: dict[str, Callable[[SendingLine, Transport, Credentials, SenderOptions], MessageSender]] = {
    "bluebubbles": _bluebubbles,
    "sendblue": _sendblue,
}
