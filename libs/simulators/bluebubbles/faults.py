"""The faults that only a BlueBubbles server shows.

Those of the network and crashes come from ``libs.simulators.faults`` and ``libs.simulators.front``.
"""

import enum

from libs.simulators.faults import NetworkFault
from libs.simulators.front import CrashFault

SEND_ENDPOINTS = frozenset({"message/text", "chat/new"})


class ServerFault(enum.StrEnum):
    """What can be wrong with the server, the Mac or iMessage behind it."""

    UNAUTHORIZED = "unauthorized"
    """401, as after a change of the password."""
    IMESSAGE_ERROR = "imessage_error"
    """500 ``iMessage Error``: the Private API is not set up, or its helper is gone."""
    SERVER_ERROR = "server_error"
    """500 ``Server Error``: something in the server threw."""
    GATEWAY_TIMEOUT = "gateway_timeout"
    """504 in the server's own JSON: it gave up on its own work. Nothing was done."""
    REFUSED = "refused"
    """A send only: iMessage refuses the recipient; 500 with the message and its ``error`` 22. Nothing goes out."""
    REFUSED_LATER = "refused_later"
    """A send only: 200, and some time later the message has ``error`` 22 and its event comes. Nothing goes out."""
    ERROR_UNDELIVERED = "error_undelivered"
    """A send only: 500 ``iMessage Error`` without the message. Nothing went out."""
    ERROR_DELIVERED = "error_delivered"
    """A send only: the same answer, to the letter, but the message did go out."""
    HANG_AFTER_DELIVERY = "hang_after_delivery"
    """A send only: the message goes out, and no answer ever comes."""


_SEND_ONLY = frozenset(
    {
        ServerFault.REFUSED,
        ServerFault.REFUSED_LATER,
        ServerFault.ERROR_UNDELIVERED,
        ServerFault.ERROR_DELIVERED,
        ServerFault.HANG_AFTER_DELIVERY,
    }
)

KNOWN_FAULTS = frozenset(str(fault) for faults in (NetworkFault, CrashFault, ServerFault) for fault in faults)


def applies(fault: str, endpoint: str) -> bool:
    """Whether a fault can show at an endpoint."""
    return endpoint in SEND_ENDPOINTS or fault not in _SEND_ONLY
