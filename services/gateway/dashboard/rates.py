"""How many jobs queues have completed lately, from the totals seen each time somebody looked: the points of a plot."""

import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from libs.common.broker.model import QueueStats

KEPT: Final = 60
"""How many looks are kept."""
APART: Final = timedelta(seconds=2)
"""Looks that follow sooner than this are not kept."""


class _Look(NamedTuple):
    at: datetime
    completed: int


class RateHistory:
    """Keeps the last looks at every queue; thread-safe."""

    def __init__(self) -> None:
        self._looks: dict[str, deque[_Look]] = {}
        self._lock = threading.Lock()

    def note(self, queues: Sequence[QueueStats], *, at: datetime) -> None:
        """Keeps a look at each of these queues."""
        with self._lock:
            for queue in queues:
                looks = self._looks.setdefault(queue.queue, deque(maxlen=KEPT))
                if not looks or at - looks[-1].at >= APART:
                    looks.append(_Look(at, queue.totals.get("completed", 0)))

    def completed(self, queue: str) -> list[float]:
        """Jobs completed a minute between each two looks at a queue, oldest first."""
        with self._lock:
            looks = list(self._looks.get(queue, ()))
        return [_a_minute(earlier, later) for earlier, later in pairwise(looks)]


def _a_minute(earlier: _Look, later: _Look) -> float:
    # A queue that was emptied counts from nothing again.
    return max(0, later.completed - earlier.completed) * 60 / (later.at - earlier.at).total_seconds()
