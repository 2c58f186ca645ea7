"""Which losses of Redis are noticed, on a real Redis."""

from collections.abc import Iterator

import pytest
import redis

from libs.common.broker.connection import connect_redis
from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.ledger.redis_epoch import EPOCH_KEY, RedisEpoch
from libs.common.settings import Secret, Settings
from libs.embedded import RedisServer


@pytest.fixture
def epoch(redis_url: str) -> RedisEpoch:
    return RedisEpoch(connect_redis(Settings(redis_url=Secret(redis_url))))


@pytest.fixture
def unlimited(redis_client: "redis.Redis") -> Iterator["redis.Redis"]:
    """The session's Redis, whose memory limit is lifted again afterwards."""
    yield redis_client
    redis_client.config_set("maxmemory", 0)


def test_the_epoch_stays_while_nothing_happens(epoch: RedisEpoch) -> None:
    assert epoch.current() == epoch.current()


def test_all_processes_see_the_same_epoch(epoch: RedisEpoch, redis_url: str) -> None:
    other = RedisEpoch(connect_redis(Settings(redis_url=Secret(redis_url))))

    assert other.current() == epoch.current()


def test_flushall_begins_another_epoch(epoch: RedisEpoch, redis_client: "redis.Redis") -> None:
    before = epoch.current()
    redis_client.flushall()

    assert epoch.current() != before


def test_a_restart_begins_another_epoch_although_the_data_are_there() -> None:
    with RedisServer() as server:
        epoch = RedisEpoch(connect_redis(Settings(redis_url=Secret(server.url))))
        before = epoch.current()
        marker = redis.Redis.from_url(server.url).get(EPOCH_KEY)
        server.kill()
        with pytest.raises(StoreUnavailable):
            epoch.current()
        server.start()

        assert redis.Redis.from_url(server.url).get(EPOCH_KEY) == marker
        assert epoch.current() != before


def test_a_full_redis_says_that_it_has_no_room(epoch: RedisEpoch, unlimited: "redis.Redis") -> None:
    epoch.check_room()
    before = epoch.current()
    unlimited.config_set("maxmemory", 1)

    with pytest.raises(QueueFull):
        epoch.check_room()
    assert epoch.current() == before


def test_asking_for_room_adds_nothing_where_the_marker_exists(epoch: RedisEpoch, redis_client: "redis.Redis") -> None:
    before = epoch.current()

    epoch.check_room()

    assert epoch.current() == before
    assert redis_client.dbsize() == 1
