"""Moments as people write them: in full, or how long ago. No I/O."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

from libs.common.errors import InvalidInput

Moment = Annotated[str, msgspec.Meta(max_length=40)]
"""A moment as a caller writes it."""

_AGO: Final = re.compile(r"-(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EXPECTED: Final = "expected a moment such as 2026-03-01T12:00:00Z, or how long ago, such as -2h (s, m, h, d, w)"


def read_moment(text: str | None, *, field: str, now: datetime) -> datetime | None:
    """The moment that ``text`` means, fixed: what it means later on does not move with the clock.

    Args:
        text: an ISO 8601 moment with its offset, or ``-2h`` and the like; nothing for none.
        field: how the caller calls it.
        now: from where "ago" counts.

    Raises:
        InvalidInput: it is neither.
    """
    if not text:
        return None
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(field, _EXPECTED) from error
    if moment.tzinfo is None:
        raise InvalidInput(field, f"{_EXPECTED}; this one has no offset from UTC")
    return moment
