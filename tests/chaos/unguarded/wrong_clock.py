"""A process's idea of the time, put wrong by what a file says."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from libs.common import clock


def put_wrong(file: str) -> None:
    """Let ``time.time`` and the clock that our programs are given be as wrong as the file says, in seconds."""
    path = Path(file)
    true_time = time.time

    def error_s() -> int:
        with suppress(OSError, ValueError):
            return int(path.read_text())
        return 0

    def now(_self: object) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=error_s())

    vars(clock)["SystemClock"].now = now
    vars(time)["time"] = lambda: true_time() + error_s()
