"""Whatever Redis says when it cannot serve is told as one thing: it is unavailable. When it can again, all goes on."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from libs.common.broker.connection import connect_redis, redis_errors
from libs.common.broker.queue import JobQueue
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.embedded import RedisServer, ports
from tests.integration.broker.conftest import HOUR_MS, Bench
from tests.integration.redis_kinds.losing_proxy import LosingProxy
from tests.integration.redis_kinds.servers import ask
from tests.waiting import wait_until


def connected(url: str) -> "redis.Redis":
    return connect_redis(Settings(redis_url=Secret(url)))


@pytest.fixture
def server(binary: Path) -> Iterator[RedisServer]:
    with RedisServer(binary=binary) as started:
        yield started


@pytest.fixture
def another(binary: Path) -> Iterator[RedisServer]:
    with RedisServer(binary=binary) as started:
        yield started


def test_a_replica_refuses_until_it_is_the_master_again(server: RedisServer, another: RedisServer) -> None:
    bench = Bench(connected(server.url))
    bench.add()
    ask(server, "REPLICAOF", ports.HOST, another.port)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="read only"):
            bench.add()
        with pytest.raises(StoreUnavailable, match="read only"):
            bench.fetch()
    ask(server, "REPLICAOF", "NO", "ONE")
    job_id = bench.add()
    assert [job.job_id for job in bench.fetch(5)][-1] == job_id


def test_a_name_that_leads_to_the_new_master_is_looked_up_anew(server: RedisServer, another: RedisServer) -> None:
    """As with a managed Redis: one address, behind which another server answers after a fail-over."""
    with LosingProxy(server.port) as address:
        bench = Bench(connected(address.url))
        bench.add()
        ask(server, "REPLICAOF", ports.HOST, another.port)
        address.lead_to(another.port)
        with pytest.raises(StoreUnavailable):
            bench.queue.add([bench.new(), bench.new(priority=1)])
        bench.queue.add([bench.new(), bench.new(priority=1)])
        assert bench.fetch(5)
        assert JobQueue(connected(another.url), "bench").stats().totals["added"] >= 2


def test_a_blocked_listener_learns_that_its_server_was_demoted(server: RedisServer, another: RedisServer) -> None:
    client = connected(server.url)
    said: list[Exception] = []

    def listen() -> None:
        try:
            with redis_errors():
                client.bzpopmin("wake", 4)
        except StoreUnavailable as error:
            said.append(error)

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: b"bzpopmin" in ask_bytes(server, "CLIENT", "LIST"), message="the listener is blocked")
    ask(server, "REPLICAOF", ports.HOST, another.port)
    listener.join(timeout=3)
    assert len(said) == 1


def test_a_restarting_redis_is_unavailable_while_it_loads_and_then_has_everything(binary: Path) -> None:
    with RedisServer(binary=binary, config={"key-load-delay": 700, "appendfsync": "always"}) as server:
        bench = Bench(connected(server.url))
        ids = {bench.add() for _ in range(300)}
        with bench.client.pipeline(transaction=False) as pipeline:
            for n in range(6_000):
                pipeline.set(f"other:{n}", n)
            pipeline.execute()
        server.kill()
        server.start()
        with pytest.raises(StoreUnavailable, match="loading"):
            bench.add()
        wait_until(lambda: _answers(bench), deadline_s=30, message="Redis has loaded")
        assert {job.job_id for job in bench.fetch(500)} == ids


def test_a_redis_that_is_busy_with_somebody_s_script_is_unavailable(binary: Path) -> None:
    with RedisServer(binary=binary, config={"lua-time-limit": 50}) as server:
        bench = Bench(connected(server.url))
        bench.add()
        somebody = threading.Thread(target=_hold_up, args=(server,), daemon=True)
        somebody.start()
        wait_until(lambda: _is_busy(server), message="the script holds Redis up")
        with pytest.raises(StoreUnavailable, match="busy"):
            bench.add()
        ask(server, "SCRIPT", "KILL")
        somebody.join()
        assert bench.fetch(5)


def test_scripts_that_were_flushed_are_loaded_again(server: RedisServer) -> None:
    bench = Bench(connected(server.url))
    for _ in range(2):
        ask(server, "SCRIPT", "FLUSH")
        bench.queue.add([bench.new(), bench.new(priority=2), bench.new(delay_ms=HOUR_MS), bench.new(group="g")])
        ask(server, "SCRIPT", "FLUSH")
        assert len(bench.fetch(3)) == 3


def test_too_few_replicas_refuse_the_write_where_redis_asks_scripts(server: RedisServer) -> None:
    if int(ask(server, "INFO", "server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("before Redis 7 a script's writes are not held to min-replicas-to-write")
    bench = Bench(connected(server.url))
    ask(server, "CONFIG", "SET", "min-replicas-to-write", 1)
    with pytest.raises(StoreUnavailable, match="replicas"):
        bench.add()
    ask(server, "CONFIG", "SET", "min-replicas-to-write", 0)
    assert bench.add()


def test_what_the_user_may_not_do_is_told_as_unavailable_with_the_reason(server: RedisServer) -> None:
    ask(server, "ACL", "SETUSER", "guest", "on", ">secret", "~tuco:{bench}:*", "+evalsha", "+eval", "+ping")
    bench = Bench(connected(f"redis://guest:secret@{ports.HOST}:{server.port}/0"))
    with pytest.raises(StoreUnavailable, match="can't run this command"):
        bench.add()
    ask(server, "ACL", "SETUSER", "guest", "+@all")
    assert bench.add()


def test_a_wrong_password_is_unavailable_and_not_repeated_in_the_reason(binary: Path) -> None:
    with RedisServer(binary=binary, config={"requirepass": "right"}) as server:
        bench = Bench(connected(f"redis://:swordfish@{ports.HOST}:{server.port}/0"))
        with pytest.raises(StoreUnavailable) as raised:
            bench.add()
        assert "swordfish" not in str(raised.value)


def ask_bytes(server: RedisServer, *command: str) -> bytes:
    return repr(ask(server, *command)).encode()


def _answers(bench: Bench) -> bool:
    try:
        bench.queue.stats()
    except StoreUnavailable:
        return False
    return True


def _hold_up(server: RedisServer) -> None:
    with pytest.raises(redis.ResponseError):
        ask(server, "EVAL", "while true do end", 0)


def _is_busy(server: RedisServer) -> bool:
    time.sleep(0.1)
    try:
        ask(server, "GET", "x")
    except redis.ResponseError:
        return True
    return False
