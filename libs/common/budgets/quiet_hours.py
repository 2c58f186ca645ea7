"""Quiet hours: when a line may send, as a list of windows that each lie within one local day.

On days when clocks change, the quiet side wins: of a repeated hour's two readings, quiet hours begin at the first and
end at the second; a skipped beginning or end is the instant of the change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from libs.common.local_time import first_instant_of, instant_of, local_day


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """A daily span in which nothing is sent, from ``start`` up to but not including ``end``.

    Args:
        start: local time of day, naive.
        end: local time of day; before ``start`` where the span goes over midnight. Equal to it: no quiet hours.
    """

    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span in which a line may send: ``opens`` (included) to ``closes`` (excluded), within one local day."""

    opens: datetime
    closes: datetime
    day: date


def windows(quiet: QuietHours | None, zone: ZoneInfo, *, start: datetime, days: int) -> Iterator[Window]:
    """The windows open to a line from ``start`` on, in order.

    Args:
        quiet: the line's quiet hours, if it has any.
        zone: the line's time zone; it gives quiet hours and days their meaning.
        start: aware; the first window begins here at the earliest.
        days: for how many local days, the one of ``start`` included.
    """
    first = local_day(start, zone)
    for offset in range(days):
        day = first + timedelta(days=offset)
        for opens, closes in _open_spans(day, quiet, zone):
            if closes > start and closes > opens:
                yield Window(opens=max(opens, start), closes=closes, day=day)


def _open_spans(day: date, quiet: QuietHours | None, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    begins, ends = first_instant_of(day, zone), first_instant_of(day + timedelta(days=1), zone)
    if quiet is None or quiet.start == quiet.end:
        return [(begins, ends)]
    falls_quiet = instant_of(day, quiet.start, zone, latest=False)
    wakes = instant_of(day, quiet.end, zone, latest=True)
    if quiet.start < quiet.end:
        return [(begins, falls_quiet), (wakes, ends)]
    return [(max(begins, wakes), min(ends, falls_quiet))]
