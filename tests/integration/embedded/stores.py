"""The two embedded servers behind one face, so that what they share is tested once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import pytest
import redis
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis.backoff import NoBackoff
from redis.retry import Retry

from libs.embedded import EmbeddedServer, MongoServer, RedisServer


class Maker(Protocol):
    """Makes a server that is not started."""

    def __call__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        binary: Path | None = None,
        start_deadline: timedelta = timedelta(seconds=30),
    ) -> EmbeddedServer: ...


@dataclass(frozen=True, kw_only=True)
class Store:
    """A kind of server, and how to use one.

    Args:
        name: its program.
        make: makes one.
        write: stores a text in it, surely.
        read: the text that it holds, or None.
        answers: whether it answers within a moment.
    """

    name: str
    make: Maker
    write: Callable[[EmbeddedServer, str], None]
    read: Callable[[EmbeddedServer], str | None]
    answers: Callable[[EmbeddedServer], bool]


def _redis(server: EmbeddedServer) -> "redis.Redis":
    return redis.Redis(port=server.port, socket_timeout=0.3, decode_responses=True, retry=Retry(NoBackoff(), 0))


def _mongo(server: EmbeddedServer) -> MongoClient[dict[str, Any]]:
    return MongoClient(cast("MongoServer", server).uri, serverSelectionTimeoutMS=2_000, socketTimeoutMS=2_000)


def _write_redis(server: EmbeddedServer, text: str) -> None:
    with _redis(server) as client:
        client.config_set("appendfsync", "always")
        client.set("text", text)


def _read_redis(server: EmbeddedServer) -> str | None:
    with _redis(server) as client:
        return cast("str | None", client.get("text"))


def _redis_answers(server: EmbeddedServer) -> bool:
    with _redis(server) as client:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def _write_mongo(server: EmbeddedServer, text: str) -> None:
    with _mongo(server) as client:
        client.tuco.texts.replace_one({"_id": 1}, {"text": text}, upsert=True)


def _read_mongo(server: EmbeddedServer) -> str | None:
    with _mongo(server) as client:
        found = client.tuco.texts.find_one({"_id": 1})
        return None if found is None else str(found["text"])


def _mongo_answers(server: EmbeddedServer) -> bool:
    uri = cast("MongoServer", server).uri_for("admin", direct=True)
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=300) as client:
        try:
            return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False


REDIS = Store(name="redis-server", make=RedisServer, write=_write_redis, read=_read_redis, answers=_redis_answers)
MONGO = Store(name="mongod", make=MongoServer, write=_write_mongo, read=_read_mongo, answers=_mongo_answers)

for_each_store = pytest.mark.parametrize("store", [REDIS, MONGO], ids=lambda store: store.name)
"""Runs a test once for each kind of server."""
