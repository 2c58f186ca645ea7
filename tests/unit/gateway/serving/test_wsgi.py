"""The bridge from the server to a WSGI app: what the app is given, and what becomes of its answer."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from werkzeug.exceptions import ClientDisconnected

from services.gateway.serving import wsgi
from services.gateway.serving.waiting import is_on_loop, off_loop
from services.gateway.serving.wsgi import SMALL_BODY, Headers, Message, WsgiOnLoop

_PATIENCE_S = 5.0


class Client:
    """What a client sends and is sent."""

    def __init__(self, *bodies: bytes, leaves: bool = False, stalls: bool = False) -> None:
        is_all = not (leaves or stalls)
        bodies = bodies or (b"",)
        self._messages: list[Message] = [
            {"type": "http.request", "body": body, "more_body": not is_all or place < len(bodies)}
            for place, body in enumerate(bodies, start=1)
        ]
        self._leaves = leaves
        self.left = asyncio.Event()
        self.was_sent_a_piece = asyncio.Event()
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop(0)
        if not self._leaves:
            await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.was_sent_a_piece.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class App:
    """Notes what it is asked, and answers what it is told to."""

    def __init__(self, pieces: Iterable[bytes] = (b"fine",), *, headers: Headers | None = None) -> None:
        self._pieces = pieces
        self._headers = [("Content-Length", "4")] if headers is None else headers
        self.status = "202 ACCEPTED"
        self.environ: dict[str, Any] = {}
        self.body: bytes | Exception | None = None
        self.reads = True
        self.was_on_loop = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environ = environ
        self.was_on_loop = is_on_loop()
        if self.reads:
            try:
                self.body = environ["wsgi.input"].read()
            except ClientDisconnected as error:
                self.body = error
        start_response(self.status, self._headers)
        return self._pieces


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def scope(method: str = "POST", path: str = "/jobs", query: bytes = b"", **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "http_version": "1.1",
        "scheme": "http",
        "server": ("10.0.0.1", 3001),
        "client": ("10.0.0.2", 5000),
        "headers": [(name.replace("__", "-").encode(), value.encode()) for name, value in headers.items()],
    }


def serve(
    app: WSGIApplication, threads: ThreadPoolExecutor, asked: dict[str, Any], *bodies: bytes, **kinds: bool
) -> Client:
    async def ask() -> Client:
        client = Client(*bodies, **kinds)
        bridge = WsgiOnLoop(app, on_loop={("POST", "/jobs")}, threads=threads)
        async with asyncio.timeout(_PATIENCE_S):
            await bridge(asked, client.receive, client.send)
        return client

    return asyncio.run(ask())


def test_the_app_is_given_the_request_as_wsgi_describes_it(threads: ThreadPoolExecutor) -> None:
    app = App()
    asked = scope(path="/jobs/caf%C3%A9", query=b"a=1&b=%20", content__type="text/x", content__length="5", accept="*/*")

    serve(app, threads, asked, b"hello")

    assert app.body == b"hello"
    given = {name: value for name, value in app.environ.items() if not name.startswith("wsgi.")}
    assert given == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/jobs/café".encode().decode("latin-1"),
        "QUERY_STRING": "a=1&b=%20",
        "SERVER_NAME": "10.0.0.1",
        "SERVER_PORT": "3001",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "10.0.0.2",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "5",
        "HTTP_ACCEPT": "*/*",
    }


def test_a_header_that_comes_twice_is_one_and_a_name_that_only_looks_like_another_is_left_out(
    threads: ThreadPoolExecutor,
) -> None:
    app = App()
    asked = scope("GET")
    asked["headers"] = [(b"x-a", b"1"), (b"x-a", b"2"), (b"x_forwarded_for", b"6.6.6.6")]

    serve(app, threads, asked)

    assert app.environ["HTTP_X_A"] == "1,2"
    assert "HTTP_X_FORWARDED_FOR" not in app.environ


@pytest.mark.parametrize(("path", "on_loop"), [("/jobs", True), ("/other", False)])
def test_only_what_is_declared_quick_is_answered_on_the_loop(
    threads: ThreadPoolExecutor, path: str, on_loop: bool
) -> None:
    app = App()

    client = serve(app, threads, scope(path=path))

    assert app.was_on_loop is on_loop
    assert client.sent[0] == {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"4")]}
    assert client.body == b"fine"


@pytest.mark.parametrize("header", [(b"transfer-encoding", b"chunked"), (b"content-length", b"%d" % (2 * SMALL_BODY))])
def test_a_body_that_is_large_or_may_be_does_not_hold_up_the_loop(
    threads: ThreadPoolExecutor, header: tuple[bytes, bytes]
) -> None:
    app = App()
    bodies = [b"y" * SMALL_BODY, b"z" * (SMALL_BODY - 1), b"z"]

    serve(app, threads, {**scope(path="/jobs"), "headers": [header]}, *bodies)

    assert app.body == b"".join(bodies)
    assert not app.was_on_loop


def test_a_small_body_in_chunks_is_there_before_a_thread_waits_for_it(threads: ThreadPoolExecutor) -> None:
    app = App()

    serve(app, threads, scope(path="/jobs", transfer__encoding="chunked"), b"he", b"", b"llo")

    assert app.body == b"hello"
    assert app.was_on_loop


def test_a_large_body_that_the_app_does_not_want_is_never_fetched(threads: ThreadPoolExecutor) -> None:
    app = App()
    app.reads = False

    client = serve(app, threads, scope(content__length=str(SMALL_BODY + 1)), stalls=True)

    assert client.body == b"fine"


def test_a_client_that_leaves_before_its_body_is_there_is_not_answered(threads: ThreadPoolExecutor) -> None:
    app = App()

    client = serve(app, threads, scope(content__length="10"), b"half", leaves=True)

    assert app.environ == {}
    assert client.sent == []


def test_a_client_that_leaves_within_a_large_body_is_told_to_the_app(threads: ThreadPoolExecutor) -> None:
    app = App()

    serve(app, threads, scope(content__length=str(SMALL_BODY + 1)), b"half", leaves=True)

    assert isinstance(app.body, ClientDisconnected)


@pytest.mark.parametrize("path", ["/jobs", "/other"])
def test_a_request_that_is_cut_off_is_not_answered_as_if_it_had_failed(threads: ThreadPoolExecutor, path: str) -> None:
    may_end = threading.Event()

    def app(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        off_loop(may_end.wait, _PATIENCE_S)
        return ()

    async def cut_off() -> Client:
        client = Client()
        bridge = WsgiOnLoop(app, on_loop={("POST", "/jobs")}, threads=threads)
        serving = asyncio.ensure_future(bridge(scope(path=path), client.receive, client.send))
        await asyncio.sleep(0.01)
        serving.cancel()
        await serving
        return client

    client = asyncio.run(cut_off())
    may_end.set()

    assert client.sent[0]["status"] == 503
    assert (b"content-length", str(len(client.body)).encode()) in client.sent[0]["headers"]
    assert b"is not known" in client.body


def test_what_one_request_notes_is_not_the_next_one_s() -> None:
    noted: ContextVar[str] = ContextVar("noted", default="nothing")
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(noted.get())
        noted.set(environ["PATH_INFO"])
        start_response("200 OK", [])
        return iter([noted.get().encode()])

    with ThreadPoolExecutor(1) as thread:
        for path in ("/one", "/two"):
            serve(app, thread, scope("GET", path))

    assert seen == ["nothing", "nothing"]


def test_names_that_are_made_up_are_not_remembered(threads: ThreadPoolExecutor) -> None:
    before = wsgi._common_variable.cache_info().currsize
    app = App()

    serve(app, threads, {**scope("GET"), "headers": [(b"x" * 1_000, b"1")]})

    assert app.environ["HTTP_" + "X" * 1_000] == "1"
    assert wsgi._common_variable.cache_info().currsize == before


class Pieces:
    """An answer of unknown length that is closed."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces = iter(pieces)
        self._error = error
        self.closed_in = ""

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed_in = threading.current_thread().name


def test_an_answer_of_unknown_length_is_passed_on_piece_by_piece(threads: ThreadPoolExecutor) -> None:
    pieces = Pieces(b"one", b"two")

    client = serve(App(pieces, headers=[]), threads, scope("GET", "/stream"))

    assert [message.get("body") for message in client.sent] == [None, b"one", b"two", None]
    assert [message.get("more_body", False) for message in client.sent] == [False, True, True, False]
    assert pieces.closed_in


def test_a_stream_that_fails_is_closed_and_not_ended_as_if_it_were_whole(threads: ThreadPoolExecutor) -> None:
    pieces = Pieces(b"one", error=OSError("away"))
    app = App(pieces, headers=[])

    with pytest.raises(OSError, match="away"):
        serve(app, threads, scope("GET", "/stream"))

    assert pieces.closed_in


def test_a_stream_ends_when_its_client_has_left(threads: ThreadPoolExecutor) -> None:
    async def leave() -> int:
        client = Client()
        asks = threading.Semaphore(0)

        def endless() -> Iterator[bytes]:
            while asks.acquire(timeout=_PATIENCE_S):
                yield b"piece"

        bridge = WsgiOnLoop(App(endless(), headers=[]), on_loop=(), threads=threads)
        serving = asyncio.ensure_future(bridge(scope("GET", "/stream"), client.receive, client.send))
        asks.release()
        await client.was_sent_a_piece.wait()
        client.left.set()
        # The bridge hears of it at its next turn.
        await asyncio.sleep(0.01)
        asks.release()
        async with asyncio.timeout(_PATIENCE_S):
            await serving
        return sum(message.get("body") == b"piece" for message in client.sent)

    assert asyncio.run(leave()) == 1


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 NO CONTENT"), ("GET", "304 X")])
def test_an_answer_without_a_body_is_no_stream(threads: ThreadPoolExecutor, method: str, status: str) -> None:
    pieces = Pieces()
    app = App(pieces, headers=[])
    app.status = status

    client = serve(app, threads, scope(method, "/other"))

    assert len(client.sent) == 2
    assert pieces.closed_in
