"""How our client behaves behind sentinels."""

import time
from collections.abc import Iterator

import pytest
import redis

from libs.common.broker.connection import connect_redis
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.embedded import ports
from tests.integration.broker.conftest import Bench
from tests.integration.redis_kinds.servers import SentinelServers, ask
from tests.waiting import wait_until


def connected(url: str) -> "redis.Redis":
    return connect_redis(Settings(redis_url=Secret(url)))


@pytest.fixture(scope="module")
def servers() -> Iterator[SentinelServers]:
    with SentinelServers(password="right", sentinel_password="other") as started:
        yield started


def test_nothing_is_contacted_before_the_first_command() -> None:
    bench = Bench(connected(f"redis+sentinel://{ports.HOST}:{ports.choose()}/main"))
    with pytest.raises(StoreUnavailable, match="No master found"):
        bench.add()


def test_servers_and_sentinels_each_have_their_password(servers: SentinelServers) -> None:
    assert Bench(connected(servers.url)).add()
    for wrong in (servers.url.replace("right", "wrong"), servers.url.replace("other", "wrong")):
        with pytest.raises(StoreUnavailable) as raised:
            Bench(connected(wrong)).add()
        assert "wrong" not in str(raised.value)


def test_a_dead_sentinel_holds_nobody_up(servers: SentinelServers) -> None:
    """It is the first of the list, and its machine may have died together with the master."""
    dead = f"{ports.HOST}:{ports.choose()},"
    url = servers.url.replace(f"{ports.HOST}:", f"{dead}{ports.HOST}:", 1)
    began = time.monotonic()
    assert Bench(connected(url)).add()
    assert time.monotonic() - began < 1


def test_an_unknown_master_is_told(servers: SentinelServers) -> None:
    with pytest.raises(StoreUnavailable, match="No master found for 'other'"):
        Bench(connected(servers.url.replace("/main", "/other"))).add()


def test_an_orderly_fail_over_is_followed_by_the_same_client(servers: SentinelServers) -> None:
    bench = Bench(connected(servers.url))
    job_id = bench.add()
    secret = "other"
    with redis.Redis(port=servers.sentinels[0].port, password=secret) as sentinel:
        sentinel.execute_command("SENTINEL", "FAILOVER", "main")
    wait_until(lambda: _roles(servers) == (b"slave", b"master"), deadline_s=20, message="the two have changed places")
    wait_until(lambda: _is_answered(bench), deadline_s=10, message="the client has followed")
    assert job_id in {job.job_id for job in bench.fetch(50)}
    assert ask(servers.replica, "EXISTS", bench.queue.keys["leases"]) == 1


def _roles(servers: SentinelServers) -> tuple[bytes, bytes]:
    try:
        master, replica = (ask(server, "ROLE")[0] for server in (servers.master, servers.replica))
    except redis.ConnectionError:
        # The sentinels close a server's connections when they give it another role.
        return b"", b""
    return master, replica


def _is_answered(bench: Bench) -> bool:
    try:
        bench.add()
    except StoreUnavailable:
        return False
    return True
