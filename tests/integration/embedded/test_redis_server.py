"""What is particular to the embedded Redis."""

import socket
from pathlib import Path
from typing import cast

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from libs.embedded import RedisServer, StartFailedError, ports
from libs.embedded.redis_server import ConfigValue
from tests.waiting import wait_until


def _client(server: RedisServer) -> "redis.Redis":
    return redis.Redis.from_url(server.url, decode_responses=True)


def _setting(client: "redis.Redis", name: str) -> str:
    return cast("dict[str, str]", client.config_get(name))[name]


def test_it_is_durable_to_the_second_and_never_evicts() -> None:
    with RedisServer() as server, _client(server) as client:
        settings = {name: _setting(client, name) for name in ("appendonly", "appendfsync", "maxmemory-policy", "save")}
    assert settings == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": ""}


def test_it_listens_on_this_machine_only() -> None:
    with RedisServer() as server, _client(server) as client:
        assert _setting(client, "bind") == "127.0.0.1"


def test_settings_replace_the_defaults_or_come_beside_them() -> None:
    with RedisServer(config={"appendonly": "no", "maxmemory": "50mb"}) as server, _client(server) as client:
        assert _setting(client, "appendonly") == "no"
        assert _setting(client, "maxmemory") == str(50 * 1024 * 1024)
        assert _setting(client, "maxmemory-policy") == "noeviction"


def test_a_setting_may_be_repeated() -> None:
    limits = ["pubsub 1mb 1mb 60", "replica 2mb 2mb 60"]
    with RedisServer(config={"client-output-buffer-limit": limits}) as server, _client(server) as client:
        shown = _setting(client, "client-output-buffer-limit")
    assert "slave 2097152 2097152 60" in shown
    assert "pubsub 1048576 1048576 60" in shown


def test_a_wrong_setting_is_named_in_the_error() -> None:
    with pytest.raises(StartFailedError, match="no-such-setting"):
        RedisServer(config={"no-such-setting": 1}).start()


def test_the_url_carries_the_password() -> None:
    with RedisServer(config={"requirepass": "p@ss:w/rd"}) as server, _client(server) as client:
        assert client.ping()
        with (
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()


def test_a_folder_with_a_space_in_its_name_will_do(tmp_path: Path) -> None:
    folder = tmp_path / 'my "own" folder'
    with RedisServer(folder) as server, _client(server) as client:
        assert _setting(client, "dir") == str(folder)


def test_what_redis_wrote_into_its_configuration_survives_a_crash() -> None:
    with RedisServer() as server:
        with _client(server) as client:
            client.config_set("maxmemory", 123_456_789)
            client.config_rewrite()
        server.kill()
        server.start()
        with _client(server) as client:
            assert _setting(client, "maxmemory") == "123456789"


def test_a_replica_takes_over_when_the_sentinels_find_the_primary_dead() -> None:
    with RedisServer() as primary, RedisServer(config={"replicaof": f"127.0.0.1 {primary.port}"}) as replica:
        directives = [
            f"monitor main 127.0.0.1 {primary.port} 1",
            "down-after-milliseconds main 500",
            "failover-timeout main 2000",
        ]
        with RedisServer(sentinel=True, config={"sentinel": directives}) as watcher:
            assert _primary_by(watcher) == primary.port
            wait_until(lambda: _replicas_by(watcher) == 1, message="the sentinel knows the replica", deadline_s=20)
            primary.kill()
            wait_until(
                lambda: _primary_by(watcher) == replica.port, message="the replica became the primary", deadline_s=30
            )


def _primary_by(sentinel: RedisServer) -> int:
    """The port of the primary as the sentinel sees it."""
    with _client(sentinel) as client:
        address = cast("tuple[str, int]", client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"))
        return int(address[1])


def _replicas_by(sentinel: RedisServer) -> int:
    """How many replicas the sentinel knows."""
    with _client(sentinel) as client:
        return len(cast("list[object]", client.execute_command("SENTINEL", "REPLICAS", "main")))


def test_three_nodes_form_a_cluster() -> None:
    config: dict[str, ConfigValue] = {"cluster-enabled": "yes", "cluster-node-timeout": 1000}
    with RedisServer(config=config) as one, RedisServer(config=config) as two, RedisServer(config=config) as three:
        nodes = [one, two, three]
        for number, node in enumerate(nodes):
            with _client(node) as client:
                first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
                client.execute_command("CLUSTER", "ADDSLOTS", *range(first, last + 1))
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        with _client(one) as client:
            for node in nodes[1:]:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port)
        wait_until(lambda: all(map(_cluster_is_up, nodes)), message="the cluster is up", deadline_s=30)
        with redis.RedisCluster.from_url(one.url) as cluster:
            for number in range(100):
                cluster.set(f"key {number}", number)
            assert [cluster.get(f"key {number}") for number in (0, 99)] == [b"0", b"99"]


def test_a_cluster_node_needs_the_port_of_its_bus_as_well() -> None:
    port = ports.choose(lambda port: ports.is_free(port) and ports.is_free(port + ports.CLUSTER_BUS_OFFSET))
    node = RedisServer(port=port, config={"cluster-enabled": "yes"})
    with (
        socket.create_server((ports.HOST, port + ports.CLUSTER_BUS_OFFSET)),
        pytest.raises(StartFailedError, match=f"port {port} is in use"),
    ):
        node.start()


def _cluster_is_up(node: RedisServer) -> bool:
    with _client(node) as client:
        info = cast("dict[str, str]", client.execute_command("CLUSTER INFO"))
    return (info["cluster_state"], info["cluster_known_nodes"]) == ("ok", "3")
