"""A bad network: a way to a server on this machine that can be slow, silent, cut in the middle or reset."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

from libs.embedded import ports

_CHUNK = 1 << 16
_SLOW_S = 0.3
_LOOK_S = 0.05
_CALL_S = 10.0
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time at all: closing sends RST (socket(7))."""


class Wire:
    """Leads each of its ports to one of a server's; the state of the network holds for all of them.

    Use it as a context manager. It runs in a thread of its own.

    Args:
        targets: the server's ports.
    """

    def __init__(self, targets: Sequence[int]) -> None:
        self._listeners = [(socket.create_server((ports.HOST, 0)), target) for target in targets]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._links: set[_Link] = set()
        self._state = Network.WELL
        self.moving = asyncio.Event()
        """Whether anything passes; for the wire's own connections."""
        self.moving.set()
        self.met: Counter[Network] = Counter()
        """How often traffic met each state of the network other than well."""

    @property
    def ports(self) -> list[int]:
        """Where to connect in place of the server's own ports, in their order."""
        return [int(listener.getsockname()[1]) for listener, _target in self._listeners]

    @property
    def port(self) -> int:
        """The first of its ports."""
        return self.ports[0]

    def become(self, state: "Network") -> None:
        """Let the network change; what was held back by a silent one arrives when it is well again."""
        self._call(self._become(state))

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_S)

    async def _listen(self) -> None:
        self._servers = [
            await asyncio.start_server(self._serve_to(target), sock=listener) for listener, target in self._listeners
        ]

    def _serve_to(
        self, target: int
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            link = _Link(self, writer)
            self._links.add(link)
            # A cancelled connection would be reported as an error of the server: only the wire's end cancels one.
            with contextlib.suppress(asyncio.CancelledError):
                await link.run(reader, target)
            self._links.discard(link)

        return serve

    async def _become(self, state: "Network") -> None:
        self._state = state
        if state is Network.SILENT:
            self.moving.clear()
        else:
            self.moving.set()
        if state is Network.RESETTING:
            for link in list(self._links):
                self.met[state] += 1
                link.break_off()

    async def _close(self) -> None:
        self.moving.set()
        for server in self._servers:
            server.close()
        for link in list(self._links):
            link.break_off()
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    @property
    def state(self) -> "Network":
        """How the network is now."""
        return self._state


class Network(Enum):
    """How a network can be."""

    WELL = auto()
    """Everything passes."""
    SLOW = auto()
    """Every piece takes 0.3 s longer."""
    SILENT = auto()
    """Connections stay open and nothing passes, as when a cable is out; it arrives late, when all is well again."""
    CUTTING = auto()
    """Half of an answer passes, then the connection is reset."""
    RESETTING = auto()
    """Every connection is reset, and so is each that is made or used."""


class _Link:
    """One connection through a wire."""

    def __init__(self, wire: Wire, client: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._client = client
        self._ends = [client]

    async def run(self, reader: asyncio.StreamReader, target: int) -> None:
        """Pass on what comes from both ends until one has ended."""
        try:
            answers, server = await asyncio.open_connection(ports.HOST, target)
        except OSError:
            self.break_off()
            return
        self._ends.append(server)
        both = [
            asyncio.ensure_future(self._pass(reader, server, is_answer=False)),
            asyncio.ensure_future(self._pass(answers, self._client, is_answer=True)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            for end in self._ends:
                end.close()

    def break_off(self) -> None:
        """Reset the connection at both ends."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                raw = end.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                met = self._wire.state
                if met is not Network.WELL:
                    self._wire.met[met] += 1
                    piece = await self._through(piece, is_answer=is_answer)
                writer.write(piece)
                await writer.drain()

    async def _through(self, piece: bytes, *, is_answer: bool) -> bytes:
        """What of a piece passes, once it does.

        Raises:
            ConnectionResetError: none of it.
        """
        await self._wire.moving.wait()
        if self._wire.state is Network.SLOW:
            await asyncio.sleep(_SLOW_S)
        elif self._wire.state is Network.CUTTING and is_answer:
            self._client.write(piece[: len(piece) // 2])
            await self._client.drain()
            await asyncio.sleep(_LOOK_S)  # so that the half leaves before the reset
            self.break_off()
            raise ConnectionResetError
        elif self._wire.state is Network.RESETTING:
            self.break_off()
            raise ConnectionResetError
        return piece
