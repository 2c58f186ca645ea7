"""Counts the jobs that a worker process has run, and tells the bench through a pipe.

Being counted costs a job neither a call to Redis nor a lock: a thread tells the sum, a hundred times a second. The
lines are those that :mod:`benchmarks.queue.reports` reads.
"""

import os
import threading
import time

_INTERVAL_S = 0.01
_now_ns = time.monotonic_ns


def now_us() -> int:
    """Microseconds on the clock that all processes of this machine share."""
    return time.monotonic_ns() // 1000


class _Cell(threading.local):
    """A thread's own count, so that no lock is needed and none is lost."""

    def __init__(self, cells: list[list[int]]) -> None:
        self.cell = [0, 0]
        cells.append(self.cell)


class Tally:
    """Counts, and tells.

    Args:
        descriptor: the pipe's end to write to; lines are shorter than what a pipe takes in one piece, so that several
            processes may share it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._cells: list[list[int]] = []
        self._own = _Cell(self._cells)
        self._telling = False
        self._starting = threading.Lock()

    def loaded(self) -> None:
        """Tells that this process could begin."""
        self._tell("loaded", 0, 0)

    def ran(self) -> None:
        """Counts one job."""
        cell = self._own.cell
        cell[0] += 1
        cell[1] = _now_ns()
        if not self._telling:
            self._start_telling()

    def pinged(self, sent_us: int) -> None:
        """Tells how long a job has been on its way.

        Args:
            sent_us: when it was sent, by :func:`now_us`.
        """
        self._tell("pinged", now_us() - sent_us, 0)

    def started(self) -> None:
        """Tells that a job that does not end was started."""
        self._tell("started", 0, 0)

    def _start_telling(self) -> None:
        with self._starting:
            if not self._telling:
                self._telling = True
                threading.Thread(target=self._tell_counts, name="tally", daemon=True).start()

    def _tell_counts(self) -> None:
        told = 0
        while True:
            cells = list(self._cells)
            count, last_ns = sum(cell[0] for cell in cells), max(cell[1] for cell in cells)
            if count != told:
                self._tell("ran", count, last_ns // 1000)
                told = count
            time.sleep(_INTERVAL_S)

    def _tell(self, word: str, first: int, second: int) -> None:
        os.write(self._descriptor, f"{word} {os.getpid()} {first} {second}\n".encode())
