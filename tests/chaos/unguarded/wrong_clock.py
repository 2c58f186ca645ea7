"""Our own clock, put wrong by what a file says."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from libs.common import clock


def put_wrong(file: str) -> None:
    """Let the clock that our programs are given be as wrong as the file says (in seconds)."""
    path = Path(file)

    def now(_self: object) -> datetime:
        error = 0
        with suppress(OSError, ValueError):
            error = int(path.read_text())
        return datetime.now(UTC) + timedelta(seconds=error)

    vars(clock)["SystemClock"].now = now
