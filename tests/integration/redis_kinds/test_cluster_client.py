"""What our cluster client adds to redis-py's."""

# redis-py has no types for its cluster.
# mypy: allow-untyped-calls

from collections.abc import Iterator
from typing import Any

import pytest
from redis.cluster import ClusterNode
from redis.exceptions import RedisClusterException

from libs.common.broker.connection import connect_redis, redis_errors
from libs.common.broker.queue import JobQueue
from libs.common.budgets.cached_epoch import CachedEpoch
from libs.common.errors import StoreUnavailable
from libs.common.ledger.redis_epoch import RedisEpoch
from libs.common.settings import Secret, Settings
from libs.embedded import ports
from tests.integration.broker.conftest import Bench
from tests.integration.redis_kinds.servers import ClusterServers, ask


def connected(url: str) -> Any:
    return connect_redis(Settings(redis_url=Secret(url)), socket_timeout_s=2)


@pytest.fixture(scope="module")
def cluster() -> Iterator[ClusterServers]:
    with ClusterServers(spare=1) as servers:
        yield servers


def test_nothing_is_contacted_before_the_first_command() -> None:
    nobody = ports.choose()
    client = connected(f"redis+cluster://{ports.HOST}:{nobody}")
    script = client.register_script("return 1")
    queue = JobQueue(client, "bench")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            queue.stats()
        with pytest.raises(StoreUnavailable), redis_errors():
            script(keys=["k"])
    client.close()


def test_a_process_that_started_while_the_cluster_was_away_works_once_it_is_there() -> None:
    with ClusterServers() as servers:
        for node in servers.nodes:
            node.kill()
        bench = Bench(connected(servers.url))
        with pytest.raises(StoreUnavailable):
            bench.add()
        for node in servers.nodes:
            node.start()
        servers.wait_until_up()
        assert bench.add()


def test_a_node_that_is_only_now_getting_its_first_slot_is_followed_to(cluster: ClusterServers) -> None:
    client = connected(cluster.url)
    key = b"{new}:1"
    source, target = cluster.owner_of(key), cluster.nodes[3]
    client.set(key, 1)
    slot = client.keyslot(key)
    source_id, target_id = (ask(node, "CLUSTER", "MYID").decode() for node in (source, target))
    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    try:
        assert client.set("{new}:2", 2)
        pipeline = client.pipeline(transaction=False)
        pipeline.get(key)
        pipeline.get("{new}:2")
        assert pipeline.execute() == [b"1", b"2"]
        assert ask(target, "DBSIZE") == 1
    finally:
        ask(target, "FLUSHALL")
        for node in (target, source):
            ask(node, "CLUSTER", "SETSLOT", slot, "STABLE")


def test_when_no_learned_address_answers_those_of_the_url_are_asked_again(cluster: ClusterServers) -> None:
    client = connected(cluster.url)
    bench = Bench(client)
    bench.add()
    gone = ClusterNode(ports.HOST, ports.choose(), "primary")
    manager = client.nodes_manager
    manager.nodes_cache = manager.startup_nodes = {gone.name: gone}
    manager.slots_cache = {slot: [gone] for slot in manager.slots_cache}
    manager.default_node = gone
    with pytest.raises(StoreUnavailable):
        bench.add()
    assert bench.add()


def test_wrong_use_is_not_told_as_unavailable(cluster: ClusterServers) -> None:
    client = connected(cluster.url)
    with pytest.raises(RedisClusterException, match="same key slot"), redis_errors():
        client.eval("return 1", 2, "a", "b")


def test_the_epoch_changes_with_the_restart_of_any_node(cluster: ClusterServers) -> None:
    epoch = RedisEpoch(connected(cluster.url))
    before = epoch.current()
    assert epoch.current() == before
    for node in cluster.nodes[:3]:
        node.kill()
        node.start()
        cluster.wait_until_up()
        after = CachedEpoch(RedisEpoch(connected(cluster.url)).current).current()
        assert after != before
        before = after
