"""What an HTTP answer that is not a success means, where all CRMs agree."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from services.sync.sources.contract import (
    AccessRefused,
    AuthRejected,
    NotThere,
    RateLimited,
    SourceError,
    SourceUnavailable,
    WrongRequest,
)

LONGEST_TEXT: Final = 300

_TOO_MANY_REQUESTS: Final = 429
_REQUEST_TIMEOUT: Final = 408
_UNAVAILABLE: Final = 503


def refusal(
    status: int, text: str, *, headers: Mapping[str, str] | None, now: datetime, usual_wait: timedelta, limit: str = ""
) -> SourceError:
    """The error that an answer stands for.

    Args:
        status: the HTTP status, not a success.
        text: what the CRM says, free of secrets.
        headers: of the answer.
        now: aware.
        usual_wait: how long to wait at a rate limit where the answer does not say.
        limit: the CRM's name for the rate limit.
    """
    wait = retry_after(headers or {}, now=now)
    said = f"{status} {text}"[:LONGEST_TEXT]
    if status == _TOO_MANY_REQUESTS:
        return RateLimited(now + (usual_wait if wait is None else wait), limit or "too many requests")
    if status == _UNAVAILABLE and wait is not None:
        # Whoever says when to come back is not failing, and is not asked before.
        return RateLimited(now + wait, said)
    if status >= 500 or status == _REQUEST_TIMEOUT:
        return SourceUnavailable(said, after=wait)
    refusals: Mapping[int, type[SourceError]] = {401: AuthRejected, 403: AccessRefused, 404: NotThere, 410: NotThere}
    return refusals.get(status, WrongRequest)(said)


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """How long ``Retry-After`` asks to wait (RFC 9110, 10.2.3: seconds, or a date); ``None`` where it is missing."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "").strip()
    if not value:
        return None
    try:
        return timedelta(seconds=max(0.0, float(value)))
    except (ValueError, OverflowError):
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(), moment - now)
