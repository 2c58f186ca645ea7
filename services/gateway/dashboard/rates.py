"""How fast each queue has gone over the last quarter of an hour: the points of the plots, as the sampler looked."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.gateway.rates import QueueRates, Sample, rates_between

KEPT: Final = 180
"""How many points are kept: a quarter of an hour, with a look every five seconds."""
SMOOTHED_OVER: Final = 6
"""Over how many looks a point is taken, so that one slow job or one quiet moment is no needle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What a queue's plots are drawn from, oldest first; ``None`` where nothing could be told.

    Args:
        added: jobs that came in, a minute.
        ended: jobs that ended, a minute.
        wait_p50: seconds that half of the jobs waited at most.
        wait_p95: seconds that 95 of 100 waited at most.
        run_p50: seconds that half of the runs took at most.
        run_p95: seconds that 95 of 100 took at most.
    """

    added: Sequence[float | None] = ()
    ended: Sequence[float | None] = ()
    wait_p50: Sequence[float | None] = ()
    wait_p95: Sequence[float | None] = ()
    run_p50: Sequence[float | None] = ()
    run_p95: Sequence[float | None] = ()


class RateHistory:
    """Keeps the last points of every queue; thread-safe, and the same for everybody who looks."""

    def __init__(self) -> None:
        self._looks: deque[Sample] = deque(maxlen=SMOOTHED_OVER)
        self._points: dict[str, deque[QueueRates]] = {}
        self._lock = threading.Lock()

    def note(self, look: Sample) -> None:
        """Adds a point to every queue that is in this look."""
        with self._lock:
            earlier = self._looks[0] if self._looks else None
            self._looks.append(look)
            if earlier is None:
                return
            for name in look.queues:
                points = self._points.setdefault(name, deque(maxlen=KEPT))
                points.append(rates_between(earlier, look, name))

    def series(self, queue: str) -> Series:
        """What the plots of a queue are drawn from."""
        with self._lock:
            points = list(self._points.get(queue, ()))
        return Series(
            added=[_a_minute(point.added_per_second) for point in points],
            ended=[_a_minute(point.ended_per_second) for point in points],
            wait_p50=[point.wait_p50_seconds for point in points],
            wait_p95=[point.wait_p95_seconds for point in points],
            run_p50=[point.run_p50_seconds for point in points],
            run_p95=[point.run_p95_seconds for point in points],
        )


def _a_minute(per_second: float | None) -> float | None:
    return None if per_second is None else per_second * 60
