"""How fast queues have worked lately, from the totals seen each time somebody looked."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from libs.common.broker.model import QueueStats

KEPT: Final = 60
"""How many looks are kept."""
APART: Final = timedelta(seconds=2)
"""Looks that follow sooner than this are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A queue's last minutes.

    Args:
        waiting: how many jobs were ready to run at each look.
        completed: jobs completed a minute between each two looks.
        added_now: jobs added a minute, as of the last looks; ``None`` before there are two.
        completed_now: jobs completed a minute, likewise.
    """

    waiting: Sequence[float] = ()
    completed: Sequence[float] = ()
    added_now: float | None = None
    completed_now: float | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    at: datetime
    waiting: int
    added: int
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
                    looks.append(_look(queue, at))

    def of(self, queue: str) -> Rates:
        """A queue's last minutes."""
        with self._lock:
            looks = list(self._looks.get(queue, ()))
        if len(looks) < 2:
            return Rates(waiting=[look.waiting for look in looks])
        pairs = list(pairwise(looks))
        recent = looks[-min(len(looks), 6)]
        return Rates(
            waiting=[look.waiting for look in looks],
            completed=[_a_minute(later.completed - earlier.completed, earlier, later) for earlier, later in pairs],
            added_now=_a_minute(looks[-1].added - recent.added, recent, looks[-1]),
            completed_now=_a_minute(looks[-1].completed - recent.completed, recent, looks[-1]),
        )


def _look(queue: QueueStats, at: datetime) -> _Look:
    waiting = sum(queue.counts.get(state, 0) for state in ("waiting", "prioritized", "paused"))
    return _Look(at, waiting, queue.totals.get("added", 0), queue.totals.get("completed", 0))


def _a_minute(count: int, since: _Look, until: _Look) -> float:
    # A queue that was emptied counts from nothing again.
    return max(0, count) * 60 / max(0.001, (until.at - since.at).total_seconds())
