"""Moments as the providers write and read them. A moment is whole milliseconds since 1970 in UTC."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ISO: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:T(?P<time>\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?)(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
)


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).strftime("%Y-%m-%d")


def seconds(moment_ms: int) -> str:
    """Return a moment to the second, without a zone: `2024-01-31T23:59:59`."""
    days, left = divmod(moment_ms // 1000, 86_400)
    hours, left = divmod(left, 3600)
    return f"{_day(days)}T{hours:02d}:{left // 60:02d}:{left % 60:02d}"


def java(moment_ms: int) -> str:
    """Return a moment as Java's `Instant.toString` writes it: three decimals, or none where they are zero."""
    millis = moment_ms % 1000
    return f"{seconds(moment_ms)}.{millis:03d}Z" if millis else f"{seconds(moment_ms)}Z"


def millis(moment_ms: int, zone: str = "Z") -> str:
    """Return a moment with three decimals and a zone: `2024-01-31T23:59:59.000Z`."""
    return f"{seconds(moment_ms)}.{moment_ms % 1000:03d}{zone}"


def parse(text: str) -> int | None:
    """Return the moment that a text names: ISO 8601, a day, or digits (milliseconds). None where it names none."""
    text = text.strip()
    if text.lstrip("-").isdigit():
        return int(text)
    if not (match := _ISO.fullmatch(text)):
        return None
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}{match['zone'] or 'Z'}")
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_datetime(moment: datetime) -> int:
    """Return an aware datetime as milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
