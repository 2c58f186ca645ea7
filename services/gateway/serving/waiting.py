"""Waiting without a thread: ordinary code that runs on an event loop and leaves the loop to others while it waits.

A function that :func:`run_on_loop` calls has a stack of its own (a greenlet, https://greenlet.readthedocs.io), which is
put aside at each of the two ways to wait below. Nothing is patched: what waits in any other way holds up the loop, so
only code that was written for it is run there. Called elsewhere, the same two ways block the thread as usual.

The smallest use::

    answer = await run_on_loop(view, request, threads=threads)

    def view(request):                       # ordinary code, on the loop
        off_loop(store.get, request.key)     # what blocks goes into a thread
        awaited = Awaited()                  # what another thread will answer
        other.ask(awaited)
        return awaited.wait()
"""

import asyncio
import contextvars
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar, TypeVarTuple, cast

from greenlet import GreenletExit, getcurrent, greenlet

P = ParamSpec("P")
Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")

Outcome = tuple[Any, BaseException | None]


class _Done(Generic[T]):
    """How a function ended."""

    __slots__ = ("answer", "error")

    def __init__(self, answer: T | None, error: BaseException | None) -> None:
        self.answer = answer
        self.error = error


class _Stack(greenlet):
    """What a function that runs on a loop is put aside in; it calls one after another, because a new one is dear."""

    threads: Executor
    """Where :func:`off_loop` calls what blocks."""

    def run(self, call: Callable[[], Any]) -> None:
        """Calls the function that is handed in, and then those that are handed in for an answer."""
        while True:
            try:
                done = _Done(call(), None)
            except GreenletExit:
                raise
            except BaseException as error:  # noqa: BLE001 - whoever runs the function raises it
                done = _Done(None, error)
            call = _loops(self).switch(done)


class _Unused(threading.local):
    """The stacks of this thread that wait for a function; a stack cannot leave its thread."""

    def __init__(self) -> None:
        self.stacks: list[_Stack] = []


_unused = _Unused()
_MOST_UNUSED = 256


async def run_on_loop(function: Callable[[*Arguments], T], *args: *Arguments, threads: Executor) -> T:
    """What the function answers; the loop goes on while it waits.

    Args:
        function: waits only in the ways of this module.
        args: its arguments.
        threads: where it may call what blocks.
    """
    stack = _unused.stacks.pop() if _unused.stacks else _Stack()
    stack.threads = threads
    stack.parent = getcurrent()
    stack.gr_context = contextvars.Context()
    asked = stack.switch(partial(function, *args))
    while not isinstance(asked, _Done):
        try:
            answer = await asked
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it, and it comes back from there
            asked = stack.throw(error)
        else:
            asked = stack.switch(answer)
    if len(_unused.stacks) < _MOST_UNUSED:
        _unused.stacks.append(stack)
    if asked.error is not None:
        raise asked.error
    return cast("T", asked.answer)


def is_on_loop() -> bool:
    """Whether the code that asks was called by :func:`run_on_loop`."""
    return isinstance(getcurrent(), _Stack)


def off_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls what blocks: in a thread where the caller is on a loop, at once elsewhere."""
    here = getcurrent()
    if not isinstance(here, _Stack):
        return function(*args, **kwargs)
    context = contextvars.copy_context()
    call = here.threads.submit(partial(context.run, function, *args, **kwargs))
    return _put_aside(asyncio.wrap_future(call))


class Awaited(Generic[T]):
    """One answer that another thread brings by :func:`bring`; made by whoever waits for it."""

    __slots__ = ("_opened", "_outcome", "future", "loop")

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        if is_on_loop():
            self.loop = asyncio.get_running_loop()
            self.future: asyncio.Future[Outcome] = self.loop.create_future()
        else:
            self._opened = threading.Lock()
            self._opened.acquire()

    def wait(self) -> T:
        """The answer, once it is there; raises where it is an error."""
        if self.loop is None:
            self._opened.acquire()
        else:
            self._outcome = _put_aside(self.future)
        answer, error = self._outcome
        if error is not None:
            raise error
        return cast("T", answer)

    def open(self, outcome: Outcome) -> None:
        """Called by :func:`bring`, for a thread."""
        self._outcome = outcome
        self._opened.release()


def bring(outcomes: Iterable[tuple[Awaited[Any], Outcome]]) -> None:
    """Answers those who wait, each with a value or an error; a loop is woken once, however many of its wait."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[Awaited[Any], Outcome]]] = defaultdict(list)
    for awaited, outcome in outcomes:
        if awaited.loop is None:
            awaited.open(outcome)
        else:
            by_loop[awaited.loop].append((awaited, outcome))
    for loop, mine in by_loop.items():
        # On a loop that has ended nobody waits any more.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_answer, mine)


def _answer(outcomes: Iterable[tuple[Awaited[Any], Outcome]]) -> None:
    for awaited, (answer, error) in outcomes:
        if awaited.future.done():  # whoever waited was cancelled
            continue
        # As a value, because a future refuses some errors.
        awaited.future.set_result((answer, error))


def _put_aside(awaitable: Awaitable[T]) -> T:
    return cast("T", _loops(getcurrent()).switch(awaitable))


def _loops(stack: greenlet) -> greenlet:
    """The stack of the loop itself, which runs this one."""
    if stack.parent is None:
        raise RuntimeError("only code that run_on_loop runs can be put aside")
    return stack.parent
