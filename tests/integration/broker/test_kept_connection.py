"""The connection that a thread keeps, against a real Redis and against servers that misbehave."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, cast

import hiredis
import pytest
import redis
from redis import exceptions as redis_exceptions

from libs.common.broker import kept_connection
from libs.common.broker.connection import connect_redis
from libs.common.settings import Secret, Settings


def packed(*words: str | bytes | int) -> bytes:
    """A command as it goes over the wire."""
    command: bytes = hiredis.pack_command(cast("Any", words))
    return command


PING = packed("PING")


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with closing(connect_redis(Settings(redis_url=Secret(redis_url)))) as made:
        yield made


def connections_of(client: "redis.Redis", observer: "redis.Redis") -> set[str]:
    """The ids of the connections that the client has open now."""
    pool = client.connection_pool
    ports = {connection._sock.getsockname()[1] for connection in pool._in_use_connections}
    return {one["id"] for one in observer.client_list() if int(one["addr"].rpartition(":")[2]) in ports}


def test_a_thread_keeps_its_connection(client: "redis.Redis", redis_client: "redis.Redis") -> None:
    kept_connection.call(client, PING)
    before = connections_of(client, redis_client)

    for _ in range(10):
        assert kept_connection.call(client, PING) == b"PONG"

    assert connections_of(client, redis_client) == before
    assert len(before) == 1


def test_a_thread_that_ends_gives_its_connection_back(client: "redis.Redis", redis_client: "redis.Redis") -> None:
    thread = threading.Thread(target=kept_connection.call, args=(client, PING))
    thread.start()
    thread.join()

    assert connections_of(client, redis_client) == set()


def test_an_answer_larger_than_what_is_read_at_once_is_whole(client: "redis.Redis") -> None:
    large = os.urandom(1_000_000)
    kept_connection.call(client, packed("SET", "large", large))

    assert kept_connection.call(client, packed("GET", "large")) == large


def test_an_error_is_raised_and_the_connection_kept(client: "redis.Redis", redis_client: "redis.Redis") -> None:
    kept_connection.call(client, PING)
    before = connections_of(client, redis_client)

    with pytest.raises(redis_exceptions.NoScriptError):
        kept_connection.call(client, packed("EVALSHA", "0" * 40, 0))

    assert kept_connection.call(client, PING) == b"PONG"
    assert connections_of(client, redis_client) == before


def test_a_connection_that_redis_closed_while_it_was_idle_is_replaced_unseen(
    client: "redis.Redis", redis_client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_connection.call(client, PING)
    for connection in connections_of(client, redis_client):
        redis_client.client_kill_filter(_id=connection)
    in_an_hour = time.monotonic() + 3600
    monkeypatch.setattr(time, "monotonic", lambda: in_an_hour)

    assert kept_connection.call(client, PING) == b"PONG"


def test_a_connection_that_redis_closed_is_told_of_and_replaced(
    client: "redis.Redis", redis_client: "redis.Redis"
) -> None:
    kept_connection.call(client, PING)
    for connection in connections_of(client, redis_client):
        redis_client.client_kill_filter(_id=connection)

    with pytest.raises(redis_exceptions.ConnectionError):
        kept_connection.call(client, PING)

    assert kept_connection.call(client, PING) == b"PONG"


@contextmanager
def server_that_answers(answer: bytes) -> Iterator[str]:
    """A server that says the same to whatever its one client asks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                while connection.recv(4096):
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        thread.join()


def connected_to(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_timeout=0.05, protocol=2, driver_info=None)


def test_silence_is_a_time_out_and_what_comes_late_answers_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = connected_to(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        with closing(client):
            with pytest.raises(redis_exceptions.TimeoutError):
                kept_connection.call(client, PING)
            first, _ = listener.accept()
            first.sendall(b"+LATE\r\n")

            with pytest.raises(redis_exceptions.TimeoutError):
                kept_connection.call(client, PING)
            first.close()


def test_what_is_no_redis_is_told_of() -> None:
    with (
        server_that_answers(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url,
        closing(connected_to(url)) as client,
        pytest.raises(redis_exceptions.InvalidResponse),
    ):
        kept_connection.call(client, PING)


def test_a_forked_child_uses_a_connection_of_its_own(client: "redis.Redis") -> None:
    kept_connection.call(client, PING)
    own_port = next(iter(client.connection_pool._in_use_connections))._sock.getsockname()[1]
    who = packed("CLIENT", "INFO")
    answers, tells = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(tells, kept_connection.call(client, who))
        finally:
            os._exit(0)
    os.close(tells)
    told = os.read(answers, 4096)
    os.waitpid(child, 0)
    os.close(answers)

    assert b"addr=" in told
    assert f":{own_port} ".encode() not in told
    assert kept_connection.call(client, PING) == b"PONG"
