"""uvicorn's connections with bounds for clients that owe the rest of a request, and with a quiet end."""

import asyncio
from enum import Enum, auto
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES: Final = 64 * 1024
"""Request line and headers together."""
HEAD_WITHIN_S: Final = 30.0
"""From the connection to the first byte, and from a request's first byte to the end of its headers."""
BODY_WITHIN_S: Final = 30.0
"""For a body, and a second more per :data:`SLOWEST_BODY` bytes of it."""
SLOWEST_BODY: Final = 1_000
"""Bytes a second."""
READ_WITHIN_S: Final = 30.0
"""For a client to take some of an answer that waits for it."""
LINGER_S: Final = 2.0
"""For so long an idle connection stays open when the server stops: its client may be sending already."""

_VERSIONS: Final = ("1.0", "1.1")
_TOO_LARGE: Final = "The headers are too large."


class _Owes(Enum):
    """What a client has begun and not ended."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class Connection(HttpToolsProtocol):
    """One connection of a client. A request that comes in one piece costs no timer."""

    _owes = _Owes.NOTHING
    _begun = 0
    """Requests that began in the data that is being read."""
    _head_bytes = 0
    _body_bytes = 0
    _body_since = 0.0
    _patience: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """Called by the loop."""
        super().connection_made(transport)
        self._wait(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._wait_no_more()
        self._is_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        had_nothing, self._begun = self._owes is _Owes.NOTHING, 0
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._owes is _Owes.BODY:
            self._await_body(len(data))
        elif self._owes is _Owes.HEAD:
            self._await_head(len(data) if not self._begun or (had_nothing and self._begun == 1) else 0)
        elif self._is_idle() and self.timeout_keep_alive_task is None:
            # What came was no request: an empty line, or the rest of a refused one. It has ended uvicorn's own timer.
            self._wait(self.timeout_keep_alive)

    def _await_head(self, count: int) -> None:
        if self._begun:
            self._wait(HEAD_WITHIN_S)
        self._head_bytes += count
        # The parser itself would keep all that comes.
        if self._head_bytes > MOST_HEAD_BYTES:
            self.logger.warning(_TOO_LARGE)
            self.send_400_response(_TOO_LARGE)

    def _await_body(self, count: int) -> None:
        now = self.loop.time()
        if self._begun:
            self._body_since, self._body_bytes = now, 0
        self._body_bytes += count
        self._wait(self._body_since + BODY_WITHIN_S + self._body_bytes / SLOWEST_BODY - now)

    def pause_writing(self) -> None:
        """Called by the transport where the client does not take its answer."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """Called by the transport once the client has taken most of it."""
        self._is_read()
        super().resume_writing()

    def _await_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(READ_WITHIN_S, self._give_up_answering, left)

    def _give_up_answering(self, had_left: int) -> None:
        if self.transport.get_write_buffer_size() < had_left:
            self._await_reading()
        else:
            # Closing would wait for the client to read.
            self.transport.abort()

    def _is_read(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def on_message_begin(self) -> None:
        """Called by the parser at a request's first byte."""
        super().on_message_begin()
        self._owes = _Owes.HEAD
        self._begun += 1
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Called by the parser.

        Raises:
            ValueError: it is no HTTP that we speak; the parser refuses the request.
        """
        self._owes = _Owes.BODY
        if (version := self.parser.get_http_version()) not in _VERSIONS:
            raise ValueError(f"HTTP/{version}")
        super().on_headers_complete()
        if self._is_ending:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Called by the parser when a request is there in whole."""
        self._owes = _Owes.NOTHING
        self._wait_no_more()
        super().on_message_complete()

    def shutdown(self) -> None:
        """Called by the server when it stops: what is under way is answered, and so is what comes in a last moment."""
        self._is_ending = True
        if self._is_idle():
            self.loop.call_later(LINGER_S, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _wait(self, seconds: float) -> None:
        self._wait_no_more()
        self._patience = self.loop.call_later(seconds, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        if self._is_held_up_by_us():
            self._body_since, self._body_bytes = self.loop.time(), 0
            self._wait(BODY_WITHIN_S)
        elif not self.transport.is_closing():
            self.transport.close()

    def _is_held_up_by_us(self) -> bool:
        """Whether we do not read, or have not told the client yet that it may send its body."""
        return self.flow.read_paused or (not self._is_idle() and self.cycle.waiting_for_100_continue)
