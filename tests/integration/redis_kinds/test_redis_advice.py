"""What a worker says at its start about how Redis is set up."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from libs.common.broker.connection import connect_redis
from libs.common.settings import Secret, Settings
from libs.common.worker.redis_advice import advise_about
from libs.embedded import RedisServer, ports
from tests.integration.redis_kinds.servers import ClusterServers, ask

Told = list[tuple[str, str]]


def told_about(url: str) -> Told:
    with capture_logs() as logs:
        advise_about(connect_redis(Settings(redis_url=Secret(url))))
    return [(entry["log_level"], entry["event"]) for entry in logs]


def test_a_redis_that_keeps_everything_is_not_spoken_of(binary: Path) -> None:
    with RedisServer(binary=binary) as server:
        assert told_about(server.url) == []


def test_eviction_and_missing_persistence_are_warned_of(binary: Path) -> None:
    with RedisServer(binary=binary, config={"maxmemory-policy": "allkeys-lru", "appendonly": "no"}) as server:
        assert told_about(server.url) == [("warning", "redis.evicts"), ("warning", "redis.not_persistent")]


def test_one_node_of_a_cluster_that_evicts_is_enough(binary: Path) -> None:
    with ClusterServers(binary=binary) as cluster:
        assert told_about(cluster.url) == []
        ask(cluster.nodes[2], "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
        ask(cluster.nodes[1], "CONFIG", "SET", "appendonly", "no")
        assert told_about(cluster.url) == [("warning", "redis.evicts"), ("warning", "redis.not_persistent")]


@pytest.mark.parametrize("forbid", ["-info", "+@all -@dangerous"])
def test_a_user_who_may_not_ask_is_told_what_to_look_at(binary: Path, forbid: str) -> None:
    with RedisServer(binary=binary, config={"maxmemory-policy": "allkeys-lru"}) as server:
        ask(server, "ACL", "SETUSER", "guest", "on", ">secret", "~*", "+@all", *forbid.split())
        assert told_about(f"redis://guest:secret@{ports.HOST}:{server.port}/0") == [("info", "redis.settings_unknown")]


def test_a_redis_that_is_away_is_spoken_of_and_nothing_is_raised() -> None:
    assert told_about(f"redis://{ports.HOST}:{ports.choose()}/0") == [("warning", "redis.unavailable_at_start")]


def test_a_managed_redis_without_config_is_asked_all_the_same(binary: Path) -> None:
    with RedisServer(binary=binary, config={"maxmemory-policy": "allkeys-lfu"}) as server:
        ask(server, "ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all", "-config")
        assert told_about(server.url) == [("warning", "redis.evicts")]
