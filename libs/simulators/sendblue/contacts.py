"""How many new contacts a line may still message: in any 60 minutes, and between 3 am and 3 am in New York.

Read on docs.sendblue.com (limits; line usage): a contact is new when there was no message either way for 30 days; the
hour rolls; the day resets at 3 am Eastern, by the clock on the wall.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import msgspec

LOOKBACK = dt.timedelta(days=30)
HOUR = dt.timedelta(hours=1)
RESET_HOUR = 3
NEW_YORK = ZoneInfo("America/New_York")


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The use of one limit.

    Attributes:
        used: new contacts counted now.
        limit: how many may be; ``None`` for no limit.
        next_slot_at: when the first of those counted leaves the window; ``None`` when none is counted.
    """

    used: int
    limit: int | None
    next_slot_at: dt.datetime | None

    @property
    def is_full(self) -> bool:
        """Whether no further new contact fits."""
        return self.limit is not None and self.used >= self.limit


class NewContacts:
    """Counts the new contacts of one line."""

    def __init__(self) -> None:
        self._last_message: dict[str, dt.datetime] = {}
        self._started: list[dt.datetime] = []

    def is_new(self, contact: str, now: dt.datetime) -> bool:
        """Whether there was no message to or from a contact lately."""
        last = self._last_message.get(contact)
        return last is None or now - last > LOOKBACK

    def note_message(self, contact: str, now: dt.datetime, *, is_outbound: bool) -> None:
        """Note a message to or from a contact; the first one to a new contact counts."""
        if is_outbound and self.is_new(contact, now):
            self._started.append(now)
        self._last_message[contact] = now

    def hourly(self, limit: int | None, now: dt.datetime) -> Window:
        """The use of the limit per hour."""
        counted = [moment for moment in self._started if moment > now - HOUR]
        return Window(used=len(counted), limit=limit, next_slot_at=counted[0] + HOUR if counted else None)

    def daily(self, limit: int | None, now: dt.datetime) -> Window:
        """The use of the limit per day."""
        since = last_reset(now)
        counted = [moment for moment in self._started if moment >= since]
        return Window(used=len(counted), limit=limit, next_slot_at=next_reset(now) if counted else None)


def last_reset(now: dt.datetime) -> dt.datetime:
    """The latest 3 am in New York that is not after a moment, in UTC."""
    today = now.astimezone(NEW_YORK).date()
    reset = _reset_on(today)
    return reset if reset <= now else _reset_on(today - dt.timedelta(days=1))


def next_reset(now: dt.datetime) -> dt.datetime:
    """The next 3 am in New York, in UTC."""
    return _reset_on(last_reset(now).astimezone(NEW_YORK).date() + dt.timedelta(days=1))


def _reset_on(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(RESET_HOUR), NEW_YORK).astimezone(dt.UTC)
