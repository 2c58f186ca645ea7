"""Calls the WSGI app (PEP 3333) for the requests of an ASGI server: quick ones on its loop, all others in threads.

A body is fetched when the app asks for it, after the app has looked at who sends it. A small one is there before that,
so that whoever sends it slowly holds no thread. How long a client may take is the connection's business
(:mod:`services.gateway.serving.connections`): one that takes too long has left.
"""

import asyncio
import contextvars
import io
import sys
from collections.abc import Callable, Container, Coroutine, Iterable, MutableMapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

import msgspec
from werkzeug.exceptions import ClientDisconnected

from services.gateway.answers import Problem
from services.gateway.serving.waiting import run_on_loop

SMALL_BODY: Final = 64 * 1024
"""Bytes that may be waited for before the app is called."""

_WITHOUT_BODY: Final = (204, 304)
_LONGEST_COMMON_NAME: Final = 64
_STOPPED: Final = msgspec.json.encode(
    Problem(
        status=503,
        title="The gateway was stopped",
        detail="It was stopped before it had an answer; whether it did what was asked for is not known.",
    )
)
_STOPPED_HEADERS: Final = [
    ("Content-Type", "application/problem+json"),
    ("Content-Length", str(len(_STOPPED))),
    ("Retry-After", "5"),
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer; its pieces are all of it, or come one by one where its length is not known."""

    status: int
    headers: Headers
    whole: bytes | None
    pieces: Iterable[bytes] = ()


class WsgiOnLoop:
    """The ASGI app.

    Args:
        app: the WSGI app.
        on_loop: which requests, by method and path, the app answers without ever blocking; see
            :mod:`services.gateway.serving.waiting`.
        threads: serve all other requests, and those with a large body, which would hold up the loop while it is read.
    """

    def __init__(self, app: WSGIApplication, *, on_loop: Container[tuple[str, str]], threads: Executor) -> None:
        self._app = app
        self._on_loop = on_loop
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        loop = asyncio.get_running_loop()
        # What is noted for the log or a trace is this request's, in whichever thread.
        context = contextvars.Context()
        try:
            body = await _Body.begun(scope, receive, loop)
            environ = environ_of(scope, body)
            if body.is_there and (scope["method"], scope["path"]) in self._on_loop:
                answer = await run_on_loop(self._answer, environ, threads=self._threads)
            else:
                answer = await loop.run_in_executor(self._threads, context.run, self._answer, environ)
        except ClientDisconnected:
            return
        except asyncio.CancelledError:
            # Left to the server, it would be an error of ours, and a job that may be accepted would look refused.
            await _send_whole(send, 503, _STOPPED_HEADERS, _STOPPED)
            return
        if answer.whole is not None:
            await _send_whole(send, answer.status, answer.headers, answer.whole)
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(answer.headers)})
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await loop.run_in_executor(self._threads, context.run, _pass_on, answer.pieces, send, gone, loop)
            await send({"type": "http.response.body"})
        finally:
            gone.cancel()

    def _answer(self, environ: dict[str, Any]) -> _Answer:
        started: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers, _error: object = None, /) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return _nobody_writes

        pieces = self._app(environ, start_response)
        status, headers = int(started[0][0][:3]), started[0][1]
        if _comes_in_pieces(environ, status, headers):
            return _Answer(status, headers, None, pieces)
        try:
            return _Answer(status, headers, b"".join(pieces))
        finally:
            _close(pieces)


async def _send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": body})


def _comes_in_pieces(environ: dict[str, Any], status: int, headers: Headers) -> bool:
    if environ["REQUEST_METHOD"] == "HEAD" or status in _WITHOUT_BODY:
        return False
    return all(name.lower() != "content-length" for name, _ in headers)


def environ_of(scope: Scope, body: "_Body") -> dict[str, Any]:
    """The request as PEP 3333 describes it."""
    host, port = scope["server"] or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body.stream,
        # The server ends it where the request ends.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        variable = _variable(name)
        # A name with an underscore would pass for another one with a hyphen, which a proxy may have set or removed.
        if variable is not None:
            text = value.decode("latin-1")
            environ[variable] = f"{environ[variable]},{text}" if variable in environ else text
    return environ


def _variable(name: bytes) -> str | None:
    # The long ones are made up, and memory is not to be filled with them.
    return _common_variable(name) if len(name) <= _LONGEST_COMMON_NAME else _variable_of(name)


def _variable_of(name: bytes) -> str | None:
    if b"_" in name:
        return None
    variable = name.decode("latin-1").upper().replace("-", "_")
    return variable if variable in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{variable}"


_common_variable = lru_cache(maxsize=1_000)(_variable_of)


@lru_cache(maxsize=1_000)
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(_name(name), value.encode("latin-1")) for name, value in headers]


class _Body(io.RawIOBase):
    """A request's body; a large one is fetched piece by piece as a thread reads it."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._rest = b""
        self._more = True

    @classmethod
    async def begun(cls, scope: Scope, receive: Receive, loop: asyncio.AbstractEventLoop) -> "_Body":
        """The body of a request, all of it where it is small, and of one in chunks the beginning.

        Raises:
            ClientDisconnected: the client has left.
        """
        body = cls(receive, loop)
        if _declared_length(scope["headers"]) <= SMALL_BODY:
            while body._more and len(body._rest) <= SMALL_BODY:
                body._rest += await body._next()
        return body

    @property
    def is_there(self) -> bool:
        """Whether nothing more is to come."""
        return not self._more

    @property
    def stream(self) -> io.BufferedIOBase:
        """To read from."""
        return io.BytesIO(self._rest) if self.is_there else io.BufferedReader(self)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer with what comes next; 0 at the end.

        Raises:
            ClientDisconnected: the client has left.
        """
        while not self._rest and self._more:
            self._rest = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        self._more = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


def _declared_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """0 where none is declared: there is no body, or it comes in chunks."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _pass_on(
    pieces: Iterable[bytes], send: Send, gone: "asyncio.Future[None]", loop: asyncio.AbstractEventLoop
) -> None:
    """Sends pieces as they come, each once the one before is on its way, until there are no more or nobody reads."""
    try:
        for piece in pieces:
            if gone.done():
                return
            sent = send({"type": "http.response.body", "body": piece, "more_body": True})
            asyncio.run_coroutine_threadsafe(sent, loop).result()
    finally:
        _close(pieces)


def _nobody_writes(_piece: bytes) -> object:
    raise NotImplementedError("PEP 3333 keeps this for apps from before it; Flask answers with pieces")


def _close(pieces: Iterable[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
