"""How much a line may send: its own limits, and the gentler ones of a line that is still warming up.

A number that is freshly used for outreach and at once sends at full rate is what carriers and Apple's spam protection
look for, so a new line's daily limits grow over its first days.
"""

import math
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """What a line may send; ``None`` where there is no limit.

    Args:
        per_minute: messages in any 60 seconds.
        per_day: messages per local day of the line.
        new_conversations_per_day: distinct recipients per local day to whom the line had never written.
    """

    per_minute: int | None = None
    per_day: int | None = None
    new_conversations_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """A new line's first days.

    Args:
        first_day: the line's local date on which it began to send.
        days: how many days until the full limits hold; on day 0 the share is ``initial_share``.
        initial_share: the part of the full daily limits that holds on the first day, above 0 and up to 1.
    """

    first_day: date
    days: int = 14
    initial_share: float = 0.1


def limits_on(day: date, limits: LineLimits, warm_up: WarmUp | None) -> LineLimits:
    """The limits of a line on one of its local days.

    During warm-up the daily limits grow in a straight line from the initial share to the whole, rounded up, so that a
    line with a limit may always send at least one message a day. The limit per minute is not changed.
    """
    if warm_up is None:
        return limits
    share = _share_on(day, warm_up)
    return LineLimits(
        per_minute=limits.per_minute,
        per_day=_scaled(limits.per_day, share),
        new_conversations_per_day=_scaled(limits.new_conversations_per_day, share),
    )


def _share_on(day: date, warm_up: WarmUp) -> float:
    age = (day - warm_up.first_day).days
    if age >= warm_up.days:
        return 1.0
    return warm_up.initial_share + (1 - warm_up.initial_share) * max(age, 0) / warm_up.days


def _scaled(limit: int | None, share: float) -> int | None:
    # Rounded first, so that 70 x 0.1 is 7 and not 7.000000000000001.
    return None if limit is None else math.ceil(round(limit * share, 6))
