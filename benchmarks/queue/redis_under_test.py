"""The one Redis that every peer uses, emptied before each measurement."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from libs.embedded.redis_server import RedisServer

_POLL_S = 0.02
_DEADLINE_S = 120.0


class RedisUnderTest:
    """An embedded Redis, durable to the second as its users are told to run it.

    Its append-only file is rewritten between measurements instead of in the middle of one.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = redis.Redis.from_url(url, socket_timeout=_DEADLINE_S)

    @property
    def url(self) -> str:
        """Its address."""
        return self._url

    @property
    def version(self) -> str:
        """The server's version."""
        return str(self._client.info("server")["redis_version"])

    def empty(self) -> None:
        """Deletes everything, and waits until nothing of it goes on in the background."""
        self._client.flushall()
        self._client.bgrewriteaof()
        deadline = time.monotonic() + _DEADLINE_S
        while self._rewriting() and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def used_bytes(self) -> int:
        """The memory that its data take."""
        return int(self._client.info("memory")["used_memory"])

    def _rewriting(self) -> bool:
        state = self._client.info("persistence")
        return bool(state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


@contextmanager
def redis_under_test() -> Iterator[RedisUnderTest]:
    """Starts it, and ends it with the block."""
    with RedisServer(config={"auto-aof-rewrite-percentage": 0}) as server:
        yield RedisUnderTest(server.url)
