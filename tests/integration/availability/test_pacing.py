"""The pace of a line, kept by all workers together in Redis."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest
import redis

from libs.common.broker.connection import connect_redis
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from services.availability.pacing import Pacer, Reserved, Wanted, interval_of

RATE = 20.0


def reserve(pacer: Pacer, moments: int, *, line: str = "l1", rate: float = RATE, horizon_s: float = 2.0) -> Reserved:
    return asyncio.run(pacer.reserve([Wanted(line_id=line, moments=moments, rate=rate)], horizon_s=horizon_s))[0]


def queue_up(pacer: Pacer, moments: int) -> float:
    return asyncio.run(pacer.queue_up([Wanted(line_id="l1", moments=moments, rate=RATE)]))


@pytest.fixture
def pacers(redis_url: str) -> Iterator[tuple[Pacer, Pacer]]:
    """Two workers' pacers."""
    clients = [connect_redis(Settings(redis_url=Secret(redis_url))) for _ in range(2)]
    yield Pacer(clients[0]), Pacer(clients[1])
    for client in clients:
        client.close()


def test_two_workers_never_get_the_same_moment(pacers: tuple[Pacer, Pacer]) -> None:
    one, other = pacers
    first, second = reserve(one, 5), reserve(other, 5)
    assert (first.moments, second.moments) == (5, 5)
    assert first.first_in_s == 0.0
    assert second.first_in_s == pytest.approx(5 * interval_of(RATE), abs=0.1)


def test_no_moment_is_further_ahead_than_the_horizon(pacers: tuple[Pacer, Pacer]) -> None:
    given = reserve(pacers[0], 1_000)
    assert given.moments == int(2.0 / interval_of(RATE)) + 1
    assert given.first_in_s + (given.moments - 1) * given.interval_s <= 2.0
    assert reserve(pacers[1], 10).moments <= 1


def test_moments_that_nobody_took_are_not_saved_up(pacers: tuple[Pacer, Pacer], redis_client: "redis.Redis") -> None:
    reserve(pacers[0], 1)
    (key,) = redis_client.keys("*")
    redis_client.hset(key, "next", "1")
    given = reserve(pacers[0], 3)
    assert given.first_in_s == 0.0
    assert reserve(pacers[0], 1).first_in_s == pytest.approx(3 * interval_of(RATE), abs=0.1)


def test_lines_do_not_wait_for_each_other(pacers: tuple[Pacer, Pacer]) -> None:
    reserve(pacers[0], 1_000)
    assert reserve(pacers[0], 3, line="l2").first_in_s == 0.0


def test_those_who_queue_up_are_told_moments_one_after_the_other(pacers: tuple[Pacer, Pacer]) -> None:
    reserve(pacers[0], 1_000)
    waits = [queue_up(pacer, 40) for pacer in (pacers[0], pacers[1], pacers[0])]
    assert waits[0] == pytest.approx(2.0, abs=0.2)
    steps = [later - earlier for earlier, later in pairwise(waits)]
    assert steps == [pytest.approx(40 * interval_of(RATE), abs=0.2)] * 2


def test_nobody_is_told_to_come_back_in_an_hour(redis_url: str) -> None:
    client = connect_redis(Settings(redis_url=Secret(redis_url)))
    pacer = Pacer(client, longest_wait_s=10)
    waits = [queue_up(pacer, 100) for _ in range(100)]
    assert max(waits) <= 10
    assert len({round(wait) for wait in waits}) > 1
    client.close()


def test_queueing_up_reserves_nothing(pacers: tuple[Pacer, Pacer]) -> None:
    queue_up(pacers[0], 100)
    assert reserve(pacers[0], 3).first_in_s == 0.0


def test_a_lines_state_goes_when_it_is_not_used(pacers: tuple[Pacer, Pacer], redis_client: "redis.Redis") -> None:
    reserve(pacers[0], 1_000)
    (key,) = redis_client.keys("*")
    assert key == b"tuco:{line:l1}:checks"
    assert 0 < redis_client.pttl(key) <= 4_000


def test_redis_that_forgot_its_scripts_learns_them_again(
    pacers: tuple[Pacer, Pacer], redis_client: "redis.Redis"
) -> None:
    reserve(pacers[0], 1)
    redis_client.script_flush()
    assert reserve(pacers[0], 1).moments == 1


def test_very_fast_lines_are_not_slowed_down(pacers: tuple[Pacer, Pacer]) -> None:
    given = reserve(pacers[0], 10_000, rate=1e6, horizon_s=3.0)
    assert given.moments == 10_000
    assert given.interval_s <= 2e-6


def test_an_absent_redis_is_named() -> None:
    pacer = Pacer(connect_redis(Settings(redis_url=Secret("redis://127.0.0.1:1"))))
    with pytest.raises(StoreUnavailable, match="redis"):
        reserve(pacer, 1)
