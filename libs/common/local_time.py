"""People's clocks: when a local day begins, and which instant a wall-clock time stands for on the days clocks change.

The standard library reads a wall time that a clock change skips or repeats by its ``fold`` (PEP 495). Here the
reading is chosen by what it is for: a skipped time stands for the instant of the change; of a repeated time the caller
takes the earlier or the later.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def first_instant_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which calendars in ``zone`` show ``day``."""
    return instant_of(day, time(0), zone, latest=False)


def instant_of(day: date, wall: time, zone: ZoneInfo, *, latest: bool) -> datetime:
    """The instant (UTC) at which clocks in ``zone`` show ``wall`` on ``day``.

    Args:
        day: the local date.
        wall: the local time of day, naive.
        zone: the time zone.
        latest: which of the two instants to take where the clocks go back over ``wall``.

    Returns:
        The instant; where the clocks jump over ``wall``, the instant of the jump.
    """
    naive = datetime.combine(day, wall)
    readings = sorted(naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    existing = [instant for instant in readings if instant.astimezone(zone).replace(tzinfo=None) == naive]
    if existing:
        return existing[-1 if latest else 0]
    return _change_between(readings[0], readings[1], zone)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The date that calendars in ``zone`` show at ``moment``."""
    return moment.astimezone(zone).date()


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant in (before, after] from which ``zone`` has the offset that it has at ``after``, to the second."""
    offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return before + timedelta(seconds=high)
