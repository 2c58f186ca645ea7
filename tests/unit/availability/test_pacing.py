"""The pace of one process, and what takes the shared one's place."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.common.errors import StoreUnavailable
from services.availability.pacing import LocalPacer, PacerForRequests, Reserved, Wanted, interval_of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def reserve(pacer: LocalPacer, moments: int, *, rate: float = 10.0, horizon_s: float = 2.0) -> Reserved:
    return asyncio.run(pacer.reserve([Wanted(line_id="l", moments=moments, rate=rate)], horizon_s=horizon_s))[0]


def test_moments_follow_each_other_at_the_rate_and_end_at_the_horizon() -> None:
    pacer = LocalPacer(Clock())
    first = reserve(pacer, 5)
    second = reserve(pacer, 100)
    assert (first.moments, first.first_in_s) == (5, 0.0)
    assert second.first_in_s == pytest.approx(5 * interval_of(10))
    assert first.moments + second.moments == int(2.0 / interval_of(10)) + 1


def test_moments_that_nobody_took_are_not_saved_up() -> None:
    clock = Clock()
    pacer = LocalPacer(clock)
    reserve(pacer, 5)
    clock.now += 1_000
    assert reserve(pacer, 1).first_in_s == 0.0
    assert reserve(pacer, 1).first_in_s == pytest.approx(interval_of(10))


def test_questions_are_a_little_further_apart_than_the_rate_allows() -> None:
    assert 1.0 < interval_of(1) < 1.05


class Away:
    async def reserve(self, wanted: Sequence[Wanted], *, horizon_s: float) -> list[Reserved]:
        raise StoreUnavailable("redis", "away")

    async def queue_up(self, wanted: Sequence[Wanted]) -> float:
        raise StoreUnavailable("redis", "away")


def test_a_request_is_paced_in_its_process_while_redis_is_away() -> None:
    pacer = PacerForRequests(Away(), LocalPacer(Clock()))
    wanted = [Wanted(line_id="l", moments=3, rate=10)]
    assert asyncio.run(pacer.reserve(wanted, horizon_s=2.0))[0].moments == 3
    assert asyncio.run(pacer.queue_up(wanted)) > 0
