"""The last moment before a call leaves: a condition that is checked when its first byte is about to be written.

A worker may be stopped at any point (SIGSTOP, a frozen machine) and go on minutes later, when another one has taken
over. So it is not enough to check before the call is begun: between that check and the first byte lie name look-up,
connection and TLS. The condition is checked here after all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace

import aiohttp

from libs.common.errors import TucoError

Condition = Callable[[], bool]


class NotSent(TucoError):
    """The call was held back at the last moment: no byte of it was written."""


class LastMoment:
    """What became of the calls inside a :func:`last_moment` block.

    Attributes:
        held_back: whether a call was held back, so that it certainly had no effect.
    """

    def __init__(self, may_go: Condition) -> None:
        self._may_go = may_go
        self.held_back = False

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
def last_moment(may_go: Condition) -> Iterator[LastMoment]:
    """Calls made inside go out only if ``may_go`` holds when their first byte is about to be written.

    It holds for sessions made with :func:`tracing`.
    """
    moment = LastMoment(may_go)
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
    trace.written = True
