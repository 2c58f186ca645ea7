"""uvicorn's connections with bounds for clients that owe the rest of a request, and with a quiet end."""

import asyncio
from enum import Enum, auto
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES: Final = 64 * 1024
"""Request line and headers together."""
HEAD_WITHIN_S: Final = 30.0
"""From the connection to the first byte, and from a request's first byte to the end of its headers."""
BODY_PIECE_WITHIN_S: Final = 30.0
"""From one piece of a body to the next."""
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
    _has_begun = False
    _head_bytes = 0
    _patience: asyncio.TimerHandle | None = None
    _is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """Called by the loop."""
        super().connection_made(transport)
        self._wait(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._has_begun = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._owes is _Owes.BODY:
            self._wait(BODY_PIECE_WITHIN_S)
        elif self._owes is _Owes.HEAD:
            if self._has_begun:
                self._wait(HEAD_WITHIN_S)
            self._head_bytes += len(data)
            # The parser itself would keep all that comes.
            if self._head_bytes > MOST_HEAD_BYTES:
                self.logger.warning(_TOO_LARGE)
                self.send_400_response(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Called by the parser at a request's first byte."""
        super().on_message_begin()
        self._owes = _Owes.HEAD
        self._has_begun = True
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
        if self._owes is _Owes.BODY and self.flow.read_paused:
            # It is we who do not read.
            self._wait(BODY_PIECE_WITHIN_S)
        elif not self.transport.is_closing():
            self.transport.close()
