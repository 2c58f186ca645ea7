"""Connections at a real socket: clients that do not finish their requests, and the end of the server."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask import Flask, Response, request

from services.gateway.serving import connections
from services.gateway.serving.connections import MOST_HEAD_BYTES
from services.gateway.serving.http_server import KEEP_ALIVE_S, http_server
from services.gateway.serving.wsgi import WsgiOnLoop
from tests.waiting import wait_until

_REQUEST = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
_PATIENCE_S = 10.0
_LARGE = 32 * 1024 * 1024


class Served:
    """A server in a thread, which ends when it is told to."""

    def __init__(self, threads: ThreadPoolExecutor, keep_alive_s: int = KEEP_ALIVE_S) -> None:
        app = Flask("hello", static_folder=None)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()

        @app.route("/hello", methods=["GET", "POST"])
        def hello() -> Response:
            self.asked.set()
            self.may_answer.wait(_PATIENCE_S)
            return Response(b"hello " + request.get_data())

        @app.post("/refused")
        def refuse() -> Response:
            return Response(b"no", status=413)

        @app.route("/large")
        def answer_much() -> Response:
            return Response(b"z" * _LARGE)

        self._socket = socket.create_server(("127.0.0.1", 0))
        host, port = self._socket.getsockname()
        self.server = http_server(
            WsgiOnLoop(app, on_loop=(), threads=threads),
            host=host,
            port=port,
            stop_within_s=int(_PATIENCE_S),
            keep_alive_s=keep_alive_s,
        )
        self.thread = threading.Thread(target=self.server.run, args=[[self._socket]])

    def connected(self) -> socket.socket:
        return socket.create_connection(self._socket.getsockname(), timeout=_PATIENCE_S)

    def end(self) -> None:
        self.server.should_exit = True
        self.thread.join(_PATIENCE_S)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@contextmanager
def serving(*, threads: int = 4, keep_alive_s: int = KEEP_ALIVE_S) -> Iterator[Served]:
    with ThreadPoolExecutor(threads) as pool:
        served = Served(pool, keep_alive_s)
        served.thread.start()
        wait_until(lambda: served.server.started, message="the server serves")
        try:
            yield served
        finally:
            served.end()


def nothing_more_comes(connection: socket.socket) -> bool:
    try:
        return connection.recv(1_000) == b""
    except ConnectionError:
        return True


def all_that_comes(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize("said", [b"", b"GET /hello HTTP/1.1\r\nHost: x\r\n", _REQUEST + b"GET "])
def test_a_client_that_does_not_finish_its_headers_is_left(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.05)
    with serving() as served, served.connected() as client:
        client.sendall(said)

        answer = all_that_comes(client)

    assert answer.count(b"HTTP/1.1 200") == said.count(b"\r\n\r\n")


@pytest.mark.parametrize("length", [100, 1_000_000])
def test_a_client_that_does_not_finish_its_body_is_left(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setattr(connections, "BODY_WITHIN_S", 0.2)
    head = b"POST /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length
    with serving() as served, served.connected() as client:
        client.sendall(head)
        for _ in range(60):
            time.sleep(0.02)
            try:
                client.sendall(b"z")
            except ConnectionError:
                return

    pytest.fail("a client that sends a byte now and then was borne with")


def test_a_large_body_has_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_WITHIN_S", 0.1)
    body = b"z" * 10_000
    head = b"POST /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving() as served, served.connected() as client:
        client.sendall(head)
        for start in range(0, len(body), 1_000):
            client.sendall(body[start : start + 1_000])
            time.sleep(0.02)

        assert all_that_comes(client).endswith(b"hello " + body)


def test_a_body_that_the_app_does_not_read_yet_is_not_the_client_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_WITHIN_S", 0.05)
    monkeypatch.setattr(connections, "SLOWEST_BODY", 10**9)
    body = b"z" * (4 * 1024 * 1024)
    head = b"POST /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving() as served, served.connected() as client:
        served.may_answer.clear()
        sending = threading.Thread(target=client.sendall, args=[head + body])
        sending.start()
        assert served.asked.wait(_PATIENCE_S)
        time.sleep(0.2)
        served.may_answer.set()

        assert all_that_comes(client).endswith(b"hello " + body)
        sending.join()


def test_a_client_that_was_not_told_to_send_its_body_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_WITHIN_S", 0.05)
    head = b"POST /hello HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n"
    with serving(threads=1) as served, served.connected() as first, served.connected() as client:
        served.may_answer.clear()
        first.sendall(_REQUEST)
        assert served.asked.wait(_PATIENCE_S)
        client.sendall(head)
        time.sleep(0.2)
        served.may_answer.set()

        assert client.recv(1_000).startswith(b"HTTP/1.1 100")
        client.sendall(b"z" * 70_000)
        assert client.recv(1_000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "said",
    [_REQUEST + b"\r\n", b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"z" * 100_000],
)
def test_what_is_no_request_does_not_keep_an_idle_connection(said: bytes) -> None:
    with serving(keep_alive_s=1) as served, served.connected() as client:
        client.sendall(said[:-2])
        assert client.recv(65_536).startswith(b"HTTP/1.1 ")
        client.sendall(said[-2:])

        assert nothing_more_comes(client)


def test_requests_that_follow_a_large_one_in_the_same_packet_are_not_taken_for_its_headers(served: Served) -> None:
    body = b"z" * (MOST_HEAD_BYTES + 10_000)
    first = b"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with served.connected() as client:
        client.sendall(first[:100])
        time.sleep(0.05)
        client.sendall(first[100:] + _REQUEST[:20])
        time.sleep(0.05)
        client.sendall(_REQUEST[20:-2] + b"Connection: close\r\n\r\n")

        assert all_that_comes(client).count(b"HTTP/1.1 200") == 2


def test_a_client_that_does_not_take_its_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_WITHIN_S", 0.1)
    with serving() as served, served.connected() as client:
        client.sendall(_REQUEST.replace(b"/hello", b"/large"))
        wait_until(lambda: served.server.server_state.connections, message="the connection is there")

        wait_until(lambda: not served.server.server_state.connections, message="the connection was ended")


def test_a_client_that_takes_its_answer_slowly_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_WITHIN_S", 0.2)
    with serving() as served, served.connected() as client:
        client.sendall(_REQUEST.replace(b"/hello", b"/large").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        taken = 0
        while piece := client.recv(_LARGE // 8):
            taken += len(piece)
            time.sleep(0.02)

        assert taken > _LARGE


def test_a_client_that_waits_between_two_requests_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.05)
    with serving() as served, served.connected() as client:
        client.sendall(_REQUEST)
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        time.sleep(0.15)
        client.sendall(_REQUEST)

        assert client.recv(65_536).startswith(b"HTTP/1.1 200")


def test_headers_without_end_are_refused(served: Served) -> None:
    with served.connected() as client:
        client.sendall(b"GET /hello HTTP/1.1\r\nX: ")
        refused = b""
        try:
            for _ in range(1_000):
                client.sendall(b"y" * 10_000)
            refused = client.recv(65_536)
        except ConnectionError:
            refused = refused or b"HTTP/1.1 400"

    assert refused.startswith(b"HTTP/1.1 400")


def test_headers_within_the_limit_and_a_body_beyond_it_are_served(served: Served) -> None:
    body = b"z" * (2 * MOST_HEAD_BYTES)
    head = b"POST /hello HTTP/1.1\r\nHost: x\r\nX: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    with served.connected() as client:
        client.sendall(head % (b"y" * (MOST_HEAD_BYTES - 1_000), len(body)) + body)

        answer = all_that_comes(client)

    assert answer.endswith(b"\r\n\r\nhello " + body)


def test_a_request_that_comes_while_the_server_stops_is_answered_and_the_connection_closed(served: Served) -> None:
    with served.connected() as client:
        client.sendall(_REQUEST)
        client.recv(65_536)
        served.server.should_exit = True
        wait_until(lambda: not _accepts(served), message="the server accepts nobody any more")
        client.sendall(_REQUEST)

        answer = all_that_comes(client)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


def test_a_request_in_hand_is_answered_before_the_server_ends(served: Served) -> None:
    served.may_answer.clear()
    with served.connected() as client:
        client.sendall(_REQUEST)
        assert served.asked.wait(_PATIENCE_S)
        served.server.should_exit = True
        wait_until(lambda: not _accepts(served), message="the server accepts nobody any more")
        served.may_answer.set()

        assert all_that_comes(client).startswith(b"HTTP/1.1 200")


def test_an_idle_connection_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LINGER_S", 0.05)
    with serving() as served, served.connected() as client:
        client.sendall(_REQUEST)
        client.recv(65_536)

        served.end()

        assert not served.thread.is_alive()


def _accepts(served: Served) -> bool:
    try:
        served.connected().close()
    except OSError:
        return False
    return True
