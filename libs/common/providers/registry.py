"""Which adapter speaks for which provider. A new provider is one folder and one line here."""

from collections.abc import Callable, Mapping

from libs.common.credentials import CredentialsUnreadable, CredentialsVault
from libs.common.providers.bluebubbles.checking import BlueBubblesChecker
from libs.common.providers.bluebubbles.client import BlueBubblesClient
from libs.common.providers.checking import AvailabilityChecker
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.observed import ObservedTransport
from libs.common.providers.sendblue.checking import SendblueChecker
from libs.common.providers.sendblue.client import SendblueClient
from libs.common.providers.transport import Transport
from libs.common.stores.lines import Line

Credentials = Mapping[str, str]


def checker_for(line: Line, transport: Transport, vault: CredentialsVault) -> AvailabilityChecker:
    """What asks ``line`` about handles.

    Args:
        line: the line as stored.
        transport: makes the calls; shared by all lines of a process.
        vault: opens the line's credentials.

    Raises:
        LineFault: no adapter speaks its protocol, or its credentials cannot be opened or lack a part.
    """
    build = _CHECKERS.get(line.provider)
    if build is None:
        raise LineFault(FaultReason.UNKNOWN_PROVIDER)
    try:
        return build(
            line, ObservedTransport(transport, line.provider), vault.open(line.credentials, record=line.record)
        )
    except (CredentialsUnreadable, KeyError):
        raise LineFault(FaultReason.CREDENTIALS_UNREADABLE) from None


def _bluebubbles(line: Line, transport: Transport, credentials: Credentials) -> AvailabilityChecker:
    return BlueBubblesChecker(
        BlueBubblesClient(transport, server_url=line.server_url, password=credentials["password"])
    )


def _sendblue(line: Line, transport: Transport, credentials: Credentials) -> AvailabilityChecker:
    return SendblueChecker(
        SendblueClient(
            transport,
            server_url=line.server_url,
            api_key_id=credentials["apiKeyId"],
            api_secret_key=credentials["apiSecretKey"],
        )
    )


_CHECKERS: dict[str, Callable[[Line, Transport, Credentials], AvailabilityChecker]] = {
    "bluebubbles": _bluebubbles,
    "sendblue": _sendblue,
}
