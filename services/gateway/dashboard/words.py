"""Numbers, times and names as a person reads them. No I/O."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

STATE_NAMES: Final = {
    "waiting": "waiting",
    "prioritized": "prioritized",
    "delayed": "delayed",
    "active": "active",
    "completed": "completed",
    "failed": "dead letter",
    "paused": "paused",
    "waiting-children": "waiting for children",
    "accepted": "accepted",
    "cancelled": "cancelled",
}
"""What a state is called on a page."""

_NOTHING: Final = "\u2013"
_SHOWN_CHARACTERS: Final = 20_000


def span(seconds: float) -> str:
    """A length of time in the units that matter: ``850 ms``, ``12 s``, ``4 min``, ``2 h 5 min``, ``3 d``."""
    if seconds < 0.0005:
        return "0 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes and hours < 6 else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 3 else f"{days} d"


def span_or_dash(seconds: float | None) -> str:
    """A length of time, or a dash where it is not known."""
    return _NOTHING if seconds is None else span(seconds)


def a_minute(per_second: float | None) -> str:
    """So many a minute, or a dash where it is not known."""
    return _NOTHING if per_second is None else number(per_second * 60)


def moment(at: datetime, now: datetime) -> str:
    """A moment as seen from now: ``just now``, ``3 min ago``, ``in 20 s``."""
    away = (at - now) / timedelta(seconds=1)
    if away > 0:
        return f"in {span(max(1.0, round(away)))}"
    return "just now" if away > -3 else f"{span(round(-away))} ago"


def stamp(at: datetime) -> str:
    """A moment in full, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def number(value: float) -> str:
    """A number with its thousands set apart by thin spaces."""
    return f"{value:,.0f}".replace(",", "\u202f")


def some(count: int, singular: str, plural: str = "") -> str:
    """``1 job``, ``2 jobs``."""
    return f"{number(count)} {singular if count == 1 else plural or singular + 's'}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def pretty(value: Any) -> str:
    """Data as indented JSON; of very long data the beginning."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    left = len(text) - _SHOWN_CHARACTERS
    return text if left <= 0 else f"{text[:_SHOWN_CHARACTERS]}\n… {number(left)} more characters"
