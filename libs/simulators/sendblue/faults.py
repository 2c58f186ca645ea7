"""The faults that only Sendblue shows.

Those of the network and crashes come from ``libs.simulators.faults`` and ``libs.simulators.front``. A crash does not
lose what was accepted: the service keeps its queue.
"""

import enum

from libs.simulators.faults import NetworkFault
from libs.simulators.front import CrashFault

SEND = "send-message"


class ServiceFault(enum.StrEnum):
    """What can be wrong with the service or the message."""

    UNAUTHORIZED = "unauthorized"
    """401, as after a change of the keys."""
    SERVER_ERROR = "server_error"
    """500 with code 5000. Nothing was done."""
    RATE_LIMITED = "rate_limited"
    """429 with code 4001."""
    SERVER_RATE_EXCEEDED = "server_rate_exceeded"
    """429 with code 5003."""
    SMS_LIMIT = "sms_limit"
    """429 with the code ``SMS_LIMIT_REACHED``: a code that is a name."""
    BLOCKED_NUMBER = "blocked_number"
    """A send only: 400 with code 4002. Nothing goes out."""
    DECLINED = "declined"
    """A send only: 200 with status ``DECLINED``. Nothing goes out."""
    FAILED_LATER = "failed_later"
    """A send only: 200, and then the status ``ERROR`` with code 10001. Nothing goes out."""
    UNRESOLVED = "unresolved"
    """A send only: 200; the message goes out, and its status ends as ``ERROR`` with code 10002."""
    ERROR_UNDELIVERED = "error_undelivered"
    """A send only: 500 with code 5000. Nothing goes out."""
    ERROR_DELIVERED = "error_delivered"
    """A send only: the same answer, to the letter, but the message does go out."""
    HANG_AFTER_DELIVERY = "hang_after_delivery"
    """A send only: the message is accepted and goes out, and no answer ever comes."""


_SEND_ONLY = frozenset(
    {
        ServiceFault.BLOCKED_NUMBER,
        ServiceFault.DECLINED,
        ServiceFault.FAILED_LATER,
        ServiceFault.UNRESOLVED,
        ServiceFault.ERROR_UNDELIVERED,
        ServiceFault.ERROR_DELIVERED,
        ServiceFault.HANG_AFTER_DELIVERY,
    }
)

KNOWN_FAULTS = frozenset(str(fault) for faults in (NetworkFault, CrashFault, ServiceFault) for fault in faults)


def applies(fault: str, endpoint: str) -> bool:
    """Whether a fault can show at an endpoint."""
    return endpoint == SEND or fault not in _SEND_ONLY
