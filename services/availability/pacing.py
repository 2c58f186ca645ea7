"""Each line's rate of questions, kept by all workers together.

Before questions are put to a line, moments for them are reserved in Redis; questions then start at their moments. A
reservation reaches a few seconds ahead at most, so that a request that a person waits for is not behind a run of
hours; what does not fit is told when to come back.
"""

import asyncio
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from redis import Redis

from libs.common.broker.connection import redis_errors
from libs.common.broker.keys import PREFIX, line_key
from libs.common.broker.transport import BoundScript, ScriptCall, run_calls
from libs.common.errors import StoreUnavailable

_MICROSECONDS = 1_000_000

_SPARE = 1.02
"""By how much moments are further apart than the rate allows, for the jitter of the network on the way."""

_NO_HORIZON_S = -1.0
"""No moment is so early, so none is reserved."""

_SOURCE = (resources.files("services.availability") / "scripts" / "reserve.lua").read_text(encoding="utf-8")
_SHA = hashlib.sha1(_SOURCE.encode()).hexdigest()  # noqa: S324 - Redis's own choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Moments that are wanted of a line.

    Args:
        line_id: the line.
        moments: how many.
        rate: questions a second that the line takes.
    """

    line_id: str
    moments: int
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Moments that were given.

    Args:
        moments: how many.
        first_in_s: seconds from now to the first.
        interval_s: seconds between them.
        back_in_s: seconds after which to ask for those that were not given.
    """

    moments: int
    first_in_s: float
    interval_s: float
    back_in_s: float


class KeepsPace(Protocol):
    """Keeps the lines' rates."""

    async def reserve(self, wanted: Sequence[Wanted], *, horizon_s: float) -> list[Reserved]:
        """The moments reserved of each line, none further ahead than the horizon."""
        ...

    async def queue_up(self, wanted: Sequence[Wanted]) -> float:
        """Seconds until the first of these lines should have room; nothing is reserved."""
        ...


def interval_of(rate: float) -> float:
    """Seconds between two questions to a line of this rate."""
    return _SPARE / rate


class Pacer:
    """Reserves moments in Redis.

    Args:
        redis: a client that answers bytes.
        longest_wait_s: the latest that anyone is told to come back; were it not bounded, the returns of a run that was
            cancelled would keep others waiting.
        prefix: what all keys of this installation start with.
    """

    def __init__(self, redis: "Redis", *, longest_wait_s: float = 30.0, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._longest_wait_s = longest_wait_s
        self._prefix = prefix

    async def reserve(self, wanted: Sequence[Wanted], *, horizon_s: float) -> list[Reserved]:
        """The moments reserved of each line.

        Args:
            wanted: lines and how many moments of each.
            horizon_s: how far ahead a moment may be.

        Raises:
            StoreUnavailable: Redis is away.
        """
        return await asyncio.to_thread(self._reserve, wanted, horizon_s, 0.0)

    async def queue_up(self, wanted: Sequence[Wanted]) -> float:
        """Seconds until the first of these lines should have room; nothing is reserved.

        Args:
            wanted: what the caller will want then. The next to queue up is told a moment that much later.

        Raises:
            StoreUnavailable: Redis is away.
        """
        answers = await asyncio.to_thread(self._reserve, wanted, _NO_HORIZON_S, self._longest_wait_s)
        return min(answer.back_in_s for answer in answers)

    def _reserve(self, wanted: Sequence[Wanted], horizon_s: float, longest_wait_s: float) -> list[Reserved]:
        horizon_us, longest_us = int(horizon_s * _MICROSECONDS), int(longest_wait_s * _MICROSECONDS)
        calls: list[tuple[str, int, int, int, int]] = []
        for one in wanted:
            interval_us = max(1, round(interval_of(one.rate) * _MICROSECONDS))
            key = line_key(one.line_id, "checks", prefix=self._prefix)
            calls.append((key, one.moments, interval_us, horizon_us, longest_us))
        return [
            Reserved(
                moments=answer[0],
                first_in_s=answer[1] / _MICROSECONDS,
                interval_s=call[2] / _MICROSECONDS,
                back_in_s=answer[2] / _MICROSECONDS,
            )
            for call, answer in zip(calls, self._run(calls), strict=True)
        ]

    def _run(self, calls: Sequence[tuple[str, int, int, int, int]]) -> list[Any]:
        with redis_errors():
            return run_calls(
                self._redis, [ScriptCall(BoundScript(_SOURCE, _SHA, [key]), words) for key, *words in calls]
            )


class LocalPacer:
    """Reserves moments in this process alone: for requests that must be answered while Redis is away.

    Args:
        clock_s: a monotonic clock, in seconds.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._next: dict[str, float] = {}

    async def reserve(self, wanted: Sequence[Wanted], *, horizon_s: float) -> list[Reserved]:
        """See :meth:`Pacer.reserve`."""
        return [self._reserve(one, horizon_s) for one in wanted]

    async def queue_up(self, wanted: Sequence[Wanted]) -> float:
        """See :meth:`Pacer.queue_up`; the next one is not told a later moment."""
        return min(self._reserve(one, _NO_HORIZON_S).back_in_s for one in wanted)

    def _reserve(self, wanted: Wanted, horizon_s: float) -> Reserved:
        now = self._clock_s()
        interval_s = interval_of(wanted.rate)
        start = max(self._next.get(wanted.line_id, 0.0), now)
        fitting = max(0, math.floor((now + horizon_s - start) / interval_s) + 1)
        moments = min(wanted.moments, fitting)
        after = self._next[wanted.line_id] = start + moments * interval_s
        return Reserved(moments=moments, first_in_s=start - now, interval_s=interval_s, back_in_s=after - now)


class PacerForRequests:
    """Keeps the rates with all others, or alone while Redis is away, because a person waits for the answer.

    Args:
        shared: the pacer that all workers share.
        local: takes its place.
    """

    def __init__(self, shared: KeepsPace, local: LocalPacer) -> None:
        self._shared = shared
        self._local = local

    async def reserve(self, wanted: Sequence[Wanted], *, horizon_s: float) -> list[Reserved]:
        """See :meth:`Pacer.reserve`."""
        try:
            return await self._shared.reserve(wanted, horizon_s=horizon_s)
        except StoreUnavailable:
            return await self._local.reserve(wanted, horizon_s=horizon_s)

    async def queue_up(self, wanted: Sequence[Wanted]) -> float:
        """See :meth:`Pacer.queue_up`."""
        try:
            return await self._shared.queue_up(wanted)
        except StoreUnavailable:
            return await self._local.queue_up(wanted)
