"""What worker processes tell the bench: lines ``WORD PROCESS NUMBER NUMBER`` on one pipe that they share."""

import os
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loaded:
    """A process has imported everything and could begin."""

    process: int


@dataclass(frozen=True, slots=True)
class Ran:
    """A process has run so many jobs since it began, the last of them at this moment."""

    process: int
    count: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Pinged:
    """A job was started so many microseconds after it was sent."""

    process: int
    after_us: int


@dataclass(frozen=True, slots=True)
class Started:
    """A job that does not end was started."""

    process: int


Report = Loaded | Ran | Pinged | Started


def parse(line: str) -> Report:
    """The report that a line holds.

    Raises:
        ValueError: it is no such line.
    """
    word, process, first, second = line.split(" ")
    match word:
        case "loaded":
            return Loaded(int(process))
        case "ran":
            return Ran(int(process), int(first), int(second))
        case "pinged":
            return Pinged(int(process), int(first))
        case "started":
            return Started(int(process))
    raise ValueError(f"not a report: {line!r}")


class ReportPipe:
    """A pipe that all workers of one measurement write to."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        self._rest = b""

    def read(self, *, within_s: float) -> Iterator[Report]:
        """Reports as they come, until the time is over.

        Args:
            within_s: how long to wait for more.
        """
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0:
            if select.select([self._read_end], [], [], left_s)[0]:
                *lines, self._rest = (self._rest + os.read(self._read_end, 65_536)).split(b"\n")
                yield from (parse(line.decode()) for line in lines)

    def close(self) -> None:
        """Closes both ends."""
        os.close(self._read_end)
        os.close(self.write_end)
