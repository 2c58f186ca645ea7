"""Threads for blocking steps that do not hold up the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from libs.common.tracing.switch import bound

P = ParamSpec("P")
T = TypeVar("T")

_Task = tuple[Future[Any], Callable[[], Any]]


async def in_thread(threads: Executor, step: Callable[[], T]) -> T:
    """What a blocking step returns, or raises; it is part of the trace that asks for it.

    Args:
        threads: where it runs.
        step: what to do.
    """
    return await asyncio.get_running_loop().run_in_executor(threads, bound(step))


class DaemonThreads(Executor):
    """Runs calls in daemon threads, as many as are needed at once.

    The standard library's pool is waited for when Python ends; a thread that waits a minute for a CRM's answer would
    keep a stopped worker alive until it is killed. What such a thread would still do is refused by the run's owner.
    """

    def __init__(self) -> None:
        self._tasks: SimpleQueue[_Task] = SimpleQueue()
        self._idle = threading.Semaphore(0)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Runs a call as soon as a thread is free, in a new one if none is."""
        future: Future[T] = Future()
        self._tasks.put((future, lambda: fn(*args, **kwargs)))
        if not self._idle.acquire(blocking=False):
            threading.Thread(target=self._work, name="sync", daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            future, call = self._tasks.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
                    future.set_exception(error)
            del future, call
            self._idle.release()
