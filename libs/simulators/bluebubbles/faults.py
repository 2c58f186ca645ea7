"""The faults that only a BlueBubbles server shows; those of the network come from ``libs.simulators.faults``."""

import enum

from libs.simulators.faults import NetworkFault

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
    CRASH_BEFORE_DELIVERY = "crash_before_delivery"
    """The server dies before it acts and is back after ``seconds`` (at least 0.2): all its connections are reset."""
    CRASH_AFTER_DELIVERY = "crash_after_delivery"
    """The same, after the message has gone out (or the answer was worked out) and before the answer."""
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

KNOWN_FAULTS = frozenset({*(str(fault) for fault in NetworkFault), *(str(fault) for fault in ServerFault)})

KEPT_BY_SENDS = frozenset({str(NetworkFault.SLOW), str(NetworkFault.HANG), str(NetworkFault.SLOW_ANSWER)})
"""Faults of time that a send carries out by itself, because its ``tempGuid`` is in flight meanwhile."""


def applies(fault: str, endpoint: str) -> bool:
    """Whether a fault can show at an endpoint."""
    return endpoint in SEND_ENDPOINTS or fault not in _SEND_ONLY
