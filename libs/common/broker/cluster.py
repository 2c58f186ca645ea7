"""redis-py's cluster client, connected when it is first used, and able to find its way back.

What it adds to :class:`redis.cluster.RedisCluster` of redis-py 8.1:

- Nothing is contacted until the first command. redis-py asks for the cluster's layout in the constructor, so that no
  process could start while the cluster is away.
- A node that is only now getting its first slot is followed to. During the move the cluster names it (``ASK``) before
  it is in the layout, which redis-py answers with an ``AttributeError``.
- When none of the nodes that it has learned of answers, as after all have come back under other addresses, it asks
  those of the URL again.
"""

# redis-py has no types for its cluster and sentinels.
# mypy: allow-untyped-calls

import threading
from typing import Any

from redis import Redis
from redis.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.commands.core import Script
from redis.exceptions import RedisClusterException


class Cluster(RedisCluster):
    """A client of a cluster; thread-safe.

    Args:
        nodes: host and port of nodes to ask for the layout; one that answers is enough.
        options: what :class:`redis.cluster.RedisCluster` takes beside.
    """

    def __init__(self, nodes: tuple[tuple[str, int], ...], **options: Any) -> None:
        self._named_nodes = nodes
        self._learned_nodes: tuple[tuple[str, int], ...] = ()
        self._options = options
        self._connecting = threading.RLock()
        self._is_connecting = False
        self._is_connected = False

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there yet: connecting makes it."""
        with self._connecting:
            if self._is_connecting or name.startswith("__"):
                raise AttributeError(name)
            if not self._is_connected:
                self._connect()
        return object.__getattribute__(self, name)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Runs a command where its keys are."""
        try:
            return super().execute_command(*args, **options)
        except RedisClusterException as error:
            if is_unreachable(error):
                self._disconnect()
            raise

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        """A node by its address or its name (``host:port``), even if it is not in the layout yet."""
        known: ClusterNode | None = super().get_node(host, port, node_name)
        if known is not None or node_name is None:
            return known
        new_host, _, new_port = node_name.rpartition(":")
        newcomer = ClusterNode(new_host, int(new_port))
        nodes: dict[str, ClusterNode] = self.nodes_manager.nodes_cache
        return nodes.setdefault(newcomer.name, newcomer)

    def register_script(self, script: str | bytes | memoryview) -> Script:
        """A script that is loaded where it is not known; given as text, redis-py would connect to encode it."""
        return Script(self, script.encode() if isinstance(script, str) else script)

    def pipeline(self, transaction: bool | None = None, shard_hint: str | None = None) -> ClusterPipeline:
        """Commands that are sent together, to each node its own."""
        made: ClusterPipeline = super().pipeline(transaction, shard_hint)
        # Sends what is redirected, one by one; redis-py's own choice would not follow to a new node.
        made.parent_execute_command = self.execute_command
        return made

    def close(self) -> None:
        """Closes the connections, where there are any."""
        if self._is_connected:
            super().close()

    def _connect(self) -> None:
        self._is_connecting = True
        try:
            nodes = [ClusterNode(host, port) for host, port in (*self._named_nodes, *self._learned_nodes)]
            super().__init__(startup_nodes=nodes, **self._options)
            self._is_connected = True
        finally:
            self._is_connecting = False

    def _disconnect(self) -> None:
        """Lets the next command begin anew."""
        with self._connecting:
            if self._is_connected:
                self._learned_nodes = tuple((node.host, node.port) for node in self.get_nodes())
                super().close()
                self._is_connected = False
                del self.nodes_manager


def is_unreachable(error: RedisClusterException) -> bool:
    """Whether the cluster or a part of it is away; redis-py says by the same class where it is used wrongly."""
    return str(error).startswith(("Redis Cluster cannot be connected", "Slot ", "startup_nodes could not agree"))


def info_of_servers(redis: "Redis | RedisCluster", section: str) -> list[dict[str, Any]]:
    """What each server that holds data says of itself.

    Args:
        redis: a client.
        section: of ``INFO``.

    Raises:
        RedisError: one does not answer.
    """
    cluster = as_cluster(redis)
    if cluster is None:
        return [redis.info(section)]
    answer: dict[str, Any] = cluster.info(section, target_nodes=RedisCluster.PRIMARIES)
    # Of one node redis-py gives the answer itself, of several one per node's name.
    by_node = all(isinstance(value, dict) for value in answer.values())
    return list(answer.values()) if by_node else [answer]


def as_cluster(redis: object) -> RedisCluster | None:
    """The client as a cluster's, where it is one; a cluster's client shares no class with a server's."""
    return redis if isinstance(redis, RedisCluster) else None
