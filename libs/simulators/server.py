"""Shared plumbing of the simulators: listening addresses, running in a thread, running as a process.

A simulator is a class with ``start``, ``stop`` and ``describe`` (see :class:`Simulator`). Tests run it inside their own
process, in a thread with its own event loop::

    with running(MySimulator(settings)) as simulator:
        ...  # real HTTP at the addresses in simulator.describe()

and everything else runs it as a process that says where it listens in one line of JSON::

    raise SystemExit(run_process(MySimulator(settings), exit_with_stdin=True))

Simulators know nothing of the programs that call them: they import the standard library, aiohttp and msgspec only.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import struct
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""What a low-level server calls per request: no router and no middleware, so it costs the least."""

START_SECONDS = 30.0
STOP_SECONDS = 10.0
GRACE_SECONDS = 0.02
"""What the library waits for handlers at the end, twice; nobody is there to answer any more."""

_Result = TypeVar("_Result")


class Endpoint:
    """One listening address, which can be closed and opened again at the same port.

    Args:
        served: a low-level handler, or a whole ``web.Application``.
        host: the interface to listen on.
        port: the TCP port; 0 takes a free one, which is kept for later openings.
    """

    def __init__(self, served: Handler | web.Application, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._served = served
        self._runner: web.BaseRunner | None = None
        self._at_work: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        """The base address, without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted at this moment."""
        return self._runner is not None

    async def open(self) -> None:
        """Start to listen; does nothing when it already does."""
        if self._runner is not None:
            return
        runner: web.BaseRunner
        if isinstance(self._served, web.Application):
            runner = web.AppRunner(self._served, access_log=None, shutdown_timeout=GRACE_SECONDS)
        else:
            server = web.Server(self._kept_track_of(self._served), access_log=None)
            runner = web.ServerRunner(server, shutdown_timeout=GRACE_SECONDS)
        await runner.setup()
        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        await web.SockSite(runner, listener, backlog=1024).start()
        self._runner = runner

    async def close(self) -> None:
        """Stop as a killed server does: refuse new connections, reset those there are, drop the work in hand."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        if runner.server is not None:
            for connection in list(runner.server.connections):
                reset_connection(connection.transport)
        # The library lets go of a handler whose caller has left, so those would go on working after the server's end.
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await runner.cleanup()

    def _kept_track_of(self, handler: Handler) -> Handler:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            task = asyncio.current_task()
            if task is None:
                return await handler(request)
            self._at_work.add(task)
            try:
                return await handler(request)
            finally:
                self._at_work.discard(task)

        return handle


def _listen(host: str, port: int) -> socket.socket:
    """Bind here rather than in asyncio, so that the port is known before the first connection arrives."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def reset_connection(transport: asyncio.BaseTransport | None) -> None:
    """Cut a connection with a TCP reset (RST), as a crashed server or a broken network does."""
    if not isinstance(transport, asyncio.Transport):
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # Linger on, for zero seconds: closing then sends RST in place of FIN.
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Simulator(ABC):
    """The base of every simulator: an outside service on real sockets, steered from tests or over HTTP."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    async def start(self) -> None:
        """Open the listening addresses. Runs in the simulator's event loop."""

    @abstractmethod
    async def stop(self) -> None:
        """Close them and end what is under way. Runs in the simulator's event loop."""

    @abstractmethod
    def describe(self) -> Mapping[str, object]:
        """Where it listens and what is needed to call it: JSON-able, printed as one line by :func:`run_process`."""

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Remember the event loop that serves; called by whoever runs the simulator, before ``start``."""
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run a coroutine in the simulator's loop from another thread, and wait for its result.

        Raises:
            RuntimeError: when the simulator is not running.
            TimeoutError: when it took longer than ten seconds.
        """
        if self._loop is None or not self._loop.is_running():
            work.close()
            raise RuntimeError("The simulator is not running.")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_SECONDS)


_Simulator = TypeVar("_Simulator", bound=Simulator)


@contextlib.contextmanager
def running(simulator: _Simulator) -> Iterator[_Simulator]:
    """Run a simulator in a background thread with its own event loop for the length of a ``with`` block.

    Raises:
        OSError: when an address cannot be listened on.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=type(simulator).__name__, daemon=True)
    thread.start()
    simulator.bind(loop)
    try:
        asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(START_SECONDS)
        yield simulator
    finally:
        asyncio.run_coroutine_threadsafe(_wind_up(simulator), loop).result(STOP_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_SECONDS)
        loop.close()


async def _wind_up(simulator: Simulator) -> None:
    """Stop the simulator and cancel what it left behind, such as calls that are made to hang."""
    await simulator.stop()
    left_over = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left_over:
        task.cancel()
    await asyncio.gather(*left_over, return_exceptions=True)


def add_process_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every simulator's command shares: ``--host``, ``--port`` and ``--exit-with-stdin``."""
    parser.add_argument("--host", default="127.0.0.1", help="interface to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="first TCP port; 0 takes free ones (default %(default)s)")
    parser.add_argument(
        "--exit-with-stdin",
        action="store_true",
        help="end when standard input closes, and so with the parent that holds it, even if that is killed",
    )


def run_process(simulator: Simulator, *, exit_with_stdin: bool = False) -> int:
    """Serve until SIGTERM, SIGINT or (if asked) the end of standard input; print ``describe()`` as one JSON line.

    Returns:
        The exit status: 0 after an orderly end, 1 when an address could not be listened on.
    """
    return asyncio.run(_serve(simulator, exit_with_stdin=exit_with_stdin))


async def _serve(simulator: Simulator, *, exit_with_stdin: bool) -> int:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    simulator.bind(loop)
    try:
        await simulator.start()
    except OSError as error:
        sys.stderr.write(f"The simulator could not listen: {error}\n")
        return 1
    if exit_with_stdin:
        threading.Thread(target=_wait_for_end_of_input, args=(loop, ended), daemon=True).start()
    sys.stdout.write(msgspec.json.encode(simulator.describe()).decode() + "\n")
    sys.stdout.flush()
    await ended.wait()
    await _wind_up(simulator)
    return 0


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    while sys.stdin.buffer.read(1024):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(ended.set)
