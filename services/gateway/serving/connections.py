"""uvicorn's connections with what it leaves open: bounds for what comes before a body, and an end nobody notices."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES: Final = 64 * 1024
"""Request line and headers together."""
HEAD_WITHIN_S: Final = 30.0
"""From the first connection, or the first byte after an answer, to the end of the headers."""
LINGER_S: Final = 2.0
"""For so long an idle connection stays open when the server stops: its client may be sending already."""

_VERSIONS: Final = ("1.0", "1.1")
_TOO_LARGE: Final = b"The headers are too large."


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """Called by the loop; a client that says nothing has only so long."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._head_is_there()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the loop; headers are counted before they are parsed, because the parser keeps them all."""
        if self._head_timer is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.logger.warning(_TOO_LARGE.decode())
            self.send_400_response(_TOO_LARGE.decode())

    def on_message_begin(self) -> None:
        """Called by the parser at a request's first byte."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Called by the parser; what comes now is the body's.

        Raises:
            ValueError: it is no HTTP that we speak; the parser refuses the request.
        """
        self._head_is_there()
        if (version := self.parser.get_http_version()) not in _VERSIONS:
            raise ValueError(f"HTTP/{version}")
        super().on_headers_complete()
        if self._is_ending:
            self.cycle.keep_alive = False

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

    def _await_head(self) -> None:
        self._head_is_there()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._give_up)

    def _head_is_there(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()
