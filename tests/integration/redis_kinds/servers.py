"""The kinds of Redis that people run, made of embedded servers: a cluster, and a master that sentinels watch."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from redis.crc import key_slot

from libs.embedded import RedisServer, binaries, ports
from libs.embedded.redis_server import ConfigValue
from tests.waiting import wait_until

SLOTS = 16_384


def redis_binaries() -> dict[str, Path]:
    """The servers that this machine has: the embedded one, and another version where one is installed."""
    found = {"embedded": binaries.find(binaries.REDIS_SERVER)}
    installed = shutil.which("redis-server")
    if installed and Path(installed).resolve() != found["embedded"].resolve():
        found["installed"] = Path(installed)
    return found


class ClusterServers:
    """Three masters that share the slots, beside some that have none yet.

    Args:
        spare: masters without slots.
        binary: the server's program.
        config: directives for every node.
    """

    def __init__(
        self, *, spare: int = 0, binary: Path | None = None, config: Mapping[str, ConfigValue] | None = None
    ) -> None:
        directives: dict[str, ConfigValue] = {"cluster-enabled": "yes", "cluster-node-timeout": 2000, **(config or {})}
        self.nodes = [RedisServer(config=directives, binary=binary) for _ in range(3 + spare)]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Names two of the nodes."""
        return "redis+cluster://" + ",".join(f"{ports.HOST}:{node.port}" for node in self.nodes[:2])

    def __enter__(self) -> Self:
        for node in self.nodes:
            self._stack.enter_context(node)
        for number, node in enumerate(self.nodes[:3]):
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            ask(node, "CLUSTER", "ADDSLOTS", *range(first, last + 1))
        for number, node in enumerate(self.nodes):
            ask(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            ask(self.nodes[0], "CLUSTER", "MEET", ports.HOST, node.port)
        self.wait_until_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait_until_up(self) -> None:
        wait_until(lambda: all(map(self._is_up, self.nodes)), deadline_s=30, message="the cluster is up")

    def owner_of(self, key: bytes | str) -> RedisServer:
        """The node that has the key's slot."""
        slot = key_slot(key if isinstance(key, bytes) else key.encode())
        for first, last, (_host, port, *_), *_replicas in ask(self.nodes[0], "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise LookupError(f"nobody has slot {slot}")

    def move(self, key: bytes, target: RedisServer, *, between: Callable[[], None] = lambda: None) -> int:
        """Moves the slot of a key to another node as ``redis-cli --cluster reshard`` does; answers how many keys moved.

        Args:
            between: called before each key moves, while the slot is in neither place wholly.
        """
        slot, source = key_slot(key), self.owner_of(key)
        source_id, target_id = (ask(node, "CLUSTER", "MYID").decode() for node in (source, target))
        ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        moved = 0
        while keys := ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 1):
            between()
            ask(source, "MIGRATE", ports.HOST, target.port, "", 0, 20_000, "KEYS", *keys)
            moved += len(keys)
        between()
        ask(target, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
        # A node that has lost its last slot becomes a replica of who has it now, and takes no such command.
        with suppress(redis.ResponseError):
            ask(source, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
        wait_until(lambda: self.owner_of(key) is target, message="all know who has the slot")
        return moved

    def _is_up(self, node: RedisServer) -> bool:
        info = ask(node, "CLUSTER INFO")
        return (info["cluster_state"], info["cluster_known_nodes"]) == ("ok", str(len(self.nodes)))


class SentinelServers:
    """A master, a replica, and three sentinels of which two must agree.

    Args:
        binary: the server's program.
        password: of the servers; the sentinels have ``sentinel_password``.
        sentinel_password: of the sentinels.
        config: directives for both servers.
    """

    def __init__(
        self,
        *,
        binary: Path | None = None,
        password: str = "",
        sentinel_password: str = "",
        config: Mapping[str, ConfigValue] | None = None,
    ) -> None:
        self._binary = binary
        self._password = password
        self._sentinel_password = sentinel_password
        secrets: dict[str, ConfigValue] = {"requirepass": password, "masterauth": password} if password else {}
        self._config: dict[str, ConfigValue] = {"repl-diskless-sync-delay": 0, **secrets, **(config or {})}
        self.master = RedisServer(binary=binary, config=self._config)
        self.replica: RedisServer
        self.sentinels: list[RedisServer] = []
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        hosts = ",".join(f"{ports.HOST}:{sentinel.port}" for sentinel in self.sentinels)
        credentials = f":{self._password}@" if self._password else ""
        option = f"?sentinel_password={self._sentinel_password}" if self._sentinel_password else ""
        return f"redis+sentinel://{credentials}{hosts}/main{option}"

    def __enter__(self) -> Self:
        self._stack.enter_context(self.master)
        follow: dict[str, ConfigValue] = {"replicaof": f"{ports.HOST} {self.master.port}"}
        self.replica = self._stack.enter_context(RedisServer(binary=self._binary, config={**self._config, **follow}))
        directives = [
            f"monitor main {ports.HOST} {self.master.port} 2",
            "down-after-milliseconds main 1000",
            "failover-timeout main 3000",
        ]
        if self._password:
            directives.append(f"auth-pass main {self._password}")
        own: dict[str, ConfigValue] = {"requirepass": self._sentinel_password} if self._sentinel_password else {}
        for _ in range(3):
            watcher = RedisServer(binary=self._binary, sentinel=True, config={"sentinel": directives, **own})
            self.sentinels.append(self._stack.enter_context(watcher))
        wait_until(lambda: all(map(self._sees_all, self.sentinels)), deadline_s=30, message="the sentinels know all")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait_until_replica_leads(self) -> None:
        wait_until(
            lambda: all(self._master_by(sentinel) == self.replica.port for sentinel in self.sentinels),
            deadline_s=40,
            message="the replica became the master",
        )

    def _sees_all(self, sentinel: RedisServer) -> bool:
        state = ask(sentinel, "SENTINEL MASTERS").get("main", {})
        return (state.get("num-slaves"), state.get("num-other-sentinels"), state.get("is_master")) == (1, 2, True)

    def _master_by(self, sentinel: RedisServer) -> int:
        return int(ask(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME", "main")[1])


def ask(server: RedisServer, *command: str | int | bytes) -> Any:
    """What one server answers."""
    with redis.Redis.from_url(server.url, socket_timeout=30) as client:
        return client.execute_command(*command)
