"""The last moment before a call leaves: a condition that is checked when its bytes are about to be written.

A worker may be stopped at any point (SIGSTOP, a frozen machine) and go on minutes later, when another one has taken
over. So it is not enough to check before the call is begun: between that check and the first byte lie name look-up,
connection and TLS. The condition is checked here after all of them, and once more in the very call that writes. What
is left, a stop between that check and the system call, is the kernel's to prevent
(:mod:`libs.common.kernel_deadline`): the bytes leave before the deadline, or the process never goes on.
"""

import functools
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from libs.common.errors import TucoError
from libs.common.kernel_deadline import dead_by

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Condition = Callable[[], bool]

_ARRIVES_WITHIN: Final = timedelta(seconds=10)
"""For how long the kernel repeats what the other side has not confirmed, whether or not the process still lives."""


class NotSent(TucoError):
    """The call was held back at the last moment: it was not written, or not to its end."""


class LastMoment:
    """What became of the calls inside a :func:`last_moment` block.

    Attributes:
        held_back: whether a call was held back, so that it certainly had no effect.
        let_go: whether a call was let go and its bytes are not all written yet.
    """

    def __init__(self, may_go: Condition, dead_by: float) -> None:
        self._may_go = may_go
        self.dead_by = dead_by
        self.held_back = False
        self.let_go = False

    def check(self) -> None:
        """Lets the call go, or holds it back.

        Raises:
            NotSent: it may not go any more.
        """
        if not self._may_go():
            self.held_back = True
            raise NotSent


_current: ContextVar[LastMoment | None] = ContextVar("last_moment", default=None)


@contextmanager
def last_moment(may_go: Condition, *, dead_by: float) -> Iterator[LastMoment]:
    """Calls made inside go out only if ``may_go`` holds when their bytes are about to be written, and never late.

    It holds for sessions made with :func:`tracing` and :func:`departure_socket`, one call after the other.

    Args:
        may_go: says whether a call may still leave; should stop some time before ``dead_by``.
        dead_by: the moment (:func:`libs.common.kernel_deadline.uptime`) at which a process that is just writing ends.
    """
    moment = LastMoment(may_go, dead_by)
    token = _current.set(moment)
    try:
        yield moment
    finally:
        _current.reset(token)


def tracing() -> aiohttp.TraceConfig:
    """What a session needs for its calls to be checked.

    aiohttp calls these hooks with a connection in hand and nothing written: the one for headers before they are put
    together, the one for the body's first part before headers and that part are written as one.
    """
    trace = aiohttp.TraceConfig(trace_config_ctx_factory=_CallTrace)
    trace.on_request_headers_sent.append(_before_headers)
    trace.on_request_chunk_sent.append(_before_body)
    return trace


class _CallTrace(SimpleNamespace):
    """What is known of one call: whether any of it was written."""

    written: bool = False


async def _before_headers(_session: aiohttp.ClientSession, _trace: SimpleNamespace, _params: object) -> None:
    if moment := _current.get():
        moment.check()


async def _before_body(_session: aiohttp.ClientSession, trace: SimpleNamespace, _params: object) -> None:
    if trace.written:
        return
    if moment := _current.get():
        moment.check()
        moment.let_go = True
    trace.written = True


def departure_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """What a session needs for its calls' bytes to leave in time; each connection must serve one call only.

    Args:
        address: as ``socket.getaddrinfo`` gives it.
    """
    family, kind, protocol, _, _ = address
    moment = _current.get()
    if moment is None:
        return socket.socket(family, kind, protocol)
    return _DepartureSocket(moment, family, kind, protocol)


class _DepartureSocket(socket.socket):
    """A socket whose call is checked whenever it writes, until all of the call is written.

    What TLS writes before and after the call is not checked: it has no effect.
    """

    def __init__(self, moment: LastMoment, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = _ARRIVES_WITHIN // timedelta(milliseconds=1)
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._moment = moment
        self._is_gone = False

    def send(self, data: "ReadableBuffer", flags: int = 0, /) -> int:
        """See :meth:`socket.socket.send`."""
        return self._depart(functools.partial(super().send, data, flags), memoryview(data).nbytes)

    def sendmsg(self, buffers: "Iterable[ReadableBuffer]", /, *rest: Any) -> int:
        """See :meth:`socket.socket.sendmsg`."""
        parts = list(buffers)
        return self._depart(functools.partial(super().sendmsg, parts, *rest), sum(memoryview(p).nbytes for p in parts))

    def _depart(self, write: Callable[[], int], size: int) -> int:
        """Writes; where it is the call, not late.

        Raises:
            ConnectionAbortedError: it may not go any more.
        """
        if self._is_gone or not self._moment.let_go:
            return write()
        try:
            self._moment.check()
        except NotSent as error:
            # An error of a connection, so that the event loop and aiohttp treat it as one.
            raise ConnectionAbortedError("held back at the last moment") from error
        with dead_by(self._moment.dead_by):
            written = write()
        if written == size:
            self._is_gone, self._moment.let_go = True, False
        return written
