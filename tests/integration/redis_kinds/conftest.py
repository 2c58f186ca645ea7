"""Every kind of Redis, and a queue on each, by the same words as where one embedded server is enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.broker.connection import connect_redis
from libs.common.settings import Secret, Settings
from libs.embedded import RedisServer
from tests.integration.broker.conftest import Bench
from tests.integration.redis_kinds.servers import ClusterServers, SentinelServers, redis_binaries

BINARIES = redis_binaries()
KINDS = [(kind, name) for name in BINARIES for kind in ("server", "cluster", "sentinel")]


@pytest.fixture(params=list(BINARIES.values()), ids=list(BINARIES), scope="session")
def binary(request: pytest.FixtureRequest) -> Path:
    """Each Redis server program that this machine has."""
    program: Path = request.param
    return program


@pytest.fixture(params=KINDS, ids=[f"{kind}-{name}" for kind, name in KINDS], scope="session")
def kind_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of each kind of Redis in turn; its servers live for the session."""
    kind, name = request.param
    program = BINARIES[name]
    match kind:
        case "cluster":
            with ClusterServers(binary=program) as cluster:
                yield cluster.url
        case "sentinel":
            with SentinelServers(binary=program) as sentinels:
                yield sentinels.url
        case _:
            with RedisServer(binary=program) as server:
                yield server.url


@pytest.fixture
def bench(kind_url: str) -> Iterator[Bench]:
    """An empty queue on each kind."""
    client = connect_redis(Settings(redis_url=Secret(kind_url)))
    made = Bench(client)
    made.queue.scripts.forget_everything()
    yield made
    client.close()
