"""What goes wrong at a line, in one vocabulary for all providers.

A fault is the line's, never the lead's: the question stays open and may be put to another line.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from libs.common.errors import TucoError
from libs.common.providers.transport import Loss


class FaultReason(StrEnum):
    """Why a line could not answer, in the word that is stored with the lead and shown to people."""

    AUTHENTICATION = "authentication"
    """The provider refused the line's password or keys."""
    CREDENTIALS_UNREADABLE = "credentials_unreadable"
    """The line's stored secret cannot be opened, or lacks a part."""
    IMESSAGE_ERROR = "imessage_error"
    """The server runs, but its iMessage does not: the Private API is not set up, or its helper is away."""
    NOT_FOUND = "not_found"
    """The address answers, but not as this provider's server does."""
    NOT_UNDERSTOOD = "not_understood"
    """The answer is not in the provider's form, such as a page of HTML."""
    RATE_LIMITED = "rate_limited"
    """The provider asks for fewer calls."""
    REFUSED = "refused"
    """No connection: the server is down, or its name is unknown."""
    CONNECTION_LOST = "connection_lost"
    """The connection broke before the answer was complete."""
    SERVER_ERROR = "server_error"
    """The server failed while it worked on the question."""
    TIMEOUT = "timeout"
    """No answer in time."""
    GATEWAY_ERROR = "gateway_error"
    """A proxy in front of the server answered for it: the server is away."""
    UNSUPPORTED = "unsupported"
    """The provider cannot be asked about handles of this kind."""
    UNKNOWN_PROVIDER = "unknown_provider"
    """No adapter speaks the line's protocol."""
    VALIDATION = "validation"
    """The provider finds the question malformed."""


_LASTING = frozenset(
    {
        FaultReason.AUTHENTICATION,
        FaultReason.CREDENTIALS_UNREADABLE,
        FaultReason.NOT_FOUND,
        FaultReason.UNKNOWN_PROVIDER,
        FaultReason.UNSUPPORTED,
        FaultReason.VALIDATION,
    }
)


class LineFault(TucoError):
    """A line did not answer a question.

    Args:
        reason: why.
        retry_after: how long the provider asks to be left alone, where it says so.
    """

    def __init__(self, reason: FaultReason, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"the line did not answer: {reason}")
        self.reason = reason
        self.retry_after = retry_after

    @property
    def lasting(self) -> bool:
        """Whether only a person can mend it, so that asking again soon is of no use."""
        return self.reason in _LASTING


def reason_of_loss(loss: Loss) -> FaultReason:
    """Why a lost call means that the line did not answer."""
    return _LOSS_REASONS[loss]


def reason_of_status(status: int) -> FaultReason | None:
    """Why an HTTP status means that the line did not answer; ``None`` for success.

    Statuses 520 to 530 are Cloudflare's for a server behind it that is away
    (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/).
    """
    if 200 <= status < 300:
        return None
    if reason := _STATUS_REASONS.get(status):
        return reason
    if 520 <= status <= 530:
        return FaultReason.GATEWAY_ERROR
    return FaultReason.SERVER_ERROR if status >= 500 else FaultReason.NOT_UNDERSTOOD


_LOSS_REASONS = {
    Loss.REFUSED: FaultReason.REFUSED,
    Loss.TIMEOUT: FaultReason.TIMEOUT,
    Loss.BROKEN: FaultReason.CONNECTION_LOST,
}

_STATUS_REASONS = {
    400: FaultReason.VALIDATION,
    401: FaultReason.AUTHENTICATION,
    403: FaultReason.AUTHENTICATION,
    404: FaultReason.NOT_FOUND,
    422: FaultReason.VALIDATION,
    429: FaultReason.RATE_LIMITED,
    502: FaultReason.GATEWAY_ERROR,
    503: FaultReason.GATEWAY_ERROR,
    504: FaultReason.TIMEOUT,
}


def read_retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """The pause that a ``Retry-After`` header asks for: seconds or an HTTP date (RFC 9110, section 10.2.3).

    Args:
        header: the header's value, if there is one.
        now: an aware moment, for dates.
    """
    if not header:
        return None
    try:
        pause = timedelta(seconds=float(header))
    except (ValueError, OverflowError):
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        pause = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(pause, timedelta(0))
