"""Cron expressions with time zones, and what they mean on the days clocks change.

Five fields: minute, hour, day of the month, month, day of the week; lists, ranges, steps, names of months and days,
Sunday as 0 or 7, and ``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@yearly``. Where both day fields are
restricted either is enough, as in every cron.

When clocks change, as in Vixie cron (man 8 cron, "Daylight Saving Time and other time changes"):

- a schedule at set hours fires once per wall-clock time: at the instant of the change where its time is skipped, at
  the first reading where it is repeated;
- a schedule for every hour goes by elapsed time: nothing is owed for an hour that is skipped, and the repeated hour's
  times come twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from libs.common.errors import InvalidInput
from libs.common.local_time import instant_of, local_day

_LONGEST_SEARCH_DAYS = 366 * 9
"""29 February comes every four years, and after eight around 2100."""

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, start=1)}
_DAYS = {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_PART = re.compile(r"^(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?$")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    words: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression; see :func:`parse_cron`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Whether one matching day field is enough: both are restricted."""

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first tick after ``moment`` (aware), in UTC.

        Raises:
            InvalidInput: the expression matches no day at all, such as 31 February.
        """
        first = local_day(moment, zone)
        for offset in range(_LONGEST_SEARCH_DAYS):
            day = first + timedelta(days=offset)
            if self._matches(day):
                for instant in _instants(self, day, zone):
                    if instant > moment:
                        return instant
        raise InvalidInput("cron", "no day ever matches this expression")

    def between(self, after: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """The ticks after ``after`` up to and including ``until``, in order."""
        tick = self.next_after(after, zone)
        while tick <= until:
            yield tick
            tick = self.next_after(tick, zone)

    def _matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.either_day else by_date and by_weekday


def parse_cron(text: str, *, field: str = "cron") -> Cron:
    """The expression that ``text`` writes.

    Args:
        text: five fields or a macro.
        field: how the caller knows it, for the error.

    Raises:
        InvalidInput: naming the part that is wrong and what would be right.
    """
    parts = _MACROS.get(text.strip().lower(), text).split()
    if len(parts) != len(_FIELDS):
        raise InvalidInput(field, f"expected five fields (minute hour day month weekday), got {len(parts)}")
    values = [_read_field(part.lower(), spec, field) for part, spec in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    cron = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )
    if not cron.either_day and not any(_exists(day, month) for day in cron.days for month in cron.months):
        raise InvalidInput(field, "no day ever matches this expression")
    return cron


def parse_zone(name: str, *, field: str = "timezone") -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        InvalidInput: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(field, f"expected an IANA time zone such as Europe/Berlin, got {name!r}") from error


def _exists(day: int, month: int) -> bool:
    return day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def _read_field(text: str, spec: _Field, field: str) -> set[int]:
    return {value for part in text.split(",") for value in _read_part(part, spec, field)}


def _read_part(part: str, spec: _Field, field: str) -> range:
    match = _PART.match(part)
    if match is None:
        raise InvalidInput(field, f"{part!r} is no {spec.name}")
    step = int(match["step"] or 1)
    if match["first"] == "*":
        first, last = spec.lowest, spec.highest
    else:
        first = _number(match["first"], spec, field)
        last = _number(match["last"], spec, field) if match["last"] else spec.highest if match["step"] else first
    if step < 1 or last < first or (match["first"] == "*" and match["last"]):
        raise InvalidInput(field, f"{part!r} is no range of {spec.name}s")
    return range(first, last + 1, step)


def _number(word: str, spec: _Field, field: str) -> int:
    value = spec.words.get(word, int(word) if word.isdecimal() else -1)
    if not spec.lowest <= value <= spec.highest:
        raise InvalidInput(field, f"{word!r} is no {spec.name}; they go from {spec.lowest} to {spec.highest}")
    return value


@lru_cache(maxsize=64)
def _instants(cron: Cron, day: date, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The ticks of one local day, in order."""
    by_elapsed_time = len(cron.hours) == 24
    found: set[datetime] = set()
    for hour in cron.hours:
        for minute in cron.minutes:
            wall = time(hour, minute)
            if by_elapsed_time:
                found.update(_readings(day, wall, zone))
            else:
                found.add(instant_of(day, wall, zone, latest=False))
    return tuple(sorted(found))


def _readings(day: date, wall: time, zone: ZoneInfo) -> Iterator[datetime]:
    naive = datetime.combine(day, wall)
    for fold in (0, 1):
        instant = naive.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == naive:
            yield instant
