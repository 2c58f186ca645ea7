"""The simulator's clock: the real one, and ahead of it where a test has turned it."""

import datetime as dt
import time


class Clock:
    """Tells the time to limits and stamps, so that a test need not wait for tomorrow."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def now(self) -> dt.datetime:
        """The simulator's time, in UTC."""
        return dt.datetime.fromtimestamp(time.time() + self._ahead_s, dt.UTC)

    def advance(self, seconds: float) -> None:
        """Turn the clock ahead."""
        self._ahead_s += seconds


def stamp(moment: dt.datetime) -> str:
    """A time as the API writes it: ISO 8601 with milliseconds, in UTC."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
