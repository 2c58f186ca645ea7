"""What all tests share: real servers, started when first needed, and the rule that long fault tests wait to be asked.

The servers run once per session, on free ports and in temporary folders, and end with the session even when it is
killed. Tests that stop or break a server start their own (``RedisServer()``, ``MongoServer()``).
"""

import signal
from collections.abc import Iterator
from datetime import UTC
from typing import Any
from uuid import uuid4

import pytest
import redis
from pymongo import MongoClient
from pymongo.database import Database

from libs.embedded import MongoServer, RedisServer

_CHAOS = "chaos"


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in the background deaf to Ctrl-C, and so would be the programs that tests interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", f"{_CHAOS}: a long fault test; runs only when -m names it, as make chaos does")
    config.addinivalue_line("markers", "alone: it watches the clock, so make test runs it when nothing else runs")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _CHAOS in config.option.markexpr:
        return
    asked = [item for item in items if item.get_closest_marker(_CHAOS) is None]
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker(_CHAOS)])
    items[:] = asked


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The session's Redis."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[MongoServer]:
    """The session's MongoDB, a replica set of one node."""
    with MongoServer() as server:
        yield server


@pytest.fixture(scope="session")
def _redis_connections(redis_server: RedisServer) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture(scope="session")
def _mongo_connections(mongo_server: MongoServer) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongo_server.uri, tz_aware=True, tzinfo=UTC) as client:
        yield client


@pytest.fixture
def redis_url(redis_server: RedisServer, _redis_connections: "redis.Redis") -> str:
    """The URL of the session's Redis, emptied before the test."""
    _redis_connections.flushall()
    return redis_server.url


@pytest.fixture
def redis_client(redis_url: str, _redis_connections: "redis.Redis") -> "redis.Redis":
    """A client of the session's Redis, emptied before the test; it answers in bytes."""
    return _redis_connections


@pytest.fixture
def mongo_database(_mongo_connections: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """A database that is new and empty; its client answers with aware times."""
    name = f"test_{uuid4().hex}"
    yield _mongo_connections[name]
    _mongo_connections.drop_database(name)


@pytest.fixture
def mongo_uri(mongo_server: MongoServer, mongo_database: Database[dict[str, Any]]) -> str:
    """The URI of the session's MongoDB, with the test's ``mongo_database`` as its default database."""
    return mongo_server.uri_for(mongo_database.name)
