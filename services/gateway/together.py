"""Turns what many ask for at the same time into one call, so that a round trip serves all of them.

Nobody waits for company: who comes first is called for at once, and those who come meanwhile are the next call. So one
at a time pays one round trip, as without this, and the busier it is the more share one. The calls are made by one
thread; those who ask may be threads, or requests on an event loop.

The smallest use::

    together = Together(store.insert_many, most=100)
    answer = together.ask(item)
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from services.gateway.serving.waiting import Awaited, Outcome, bring

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Collects what is asked.

    Args:
        call: answers several items, one answer each, in their order; never run twice at once.
        most: so many items at most in one call.
    """

    def __init__(self, call: Callable[[Sequence[T]], Sequence[R]], *, most: int) -> None:
        self._call = call
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[tuple[T, Awaited[R]]] = []
        self._calling = False
        self._caller = ThreadPoolExecutor(1, thread_name_prefix="together")

    def ask(self, item: T) -> R:
        """The answer to this item.

        Raises:
            Exception: what the call raised, to all who shared it; each has an object of its own, because raising one
                in many places would mix their tracebacks.
        """
        answer = Awaited[R]()
        with self._lock:
            self._waiting.append((item, answer))
            is_first, self._calling = not self._calling, True
        if is_first:
            self._begin()
        return answer.wait()

    def _begin(self) -> None:
        try:
            self._caller.submit(self._call_while_somebody_waits)
        except RuntimeError as error:
            # There is no thread to be had. Whoever comes next tries again.
            with self._lock:
                left, self._waiting, self._calling = self._waiting, [], False
            bring((answer, (None, _copy_of(error))) for _, answer in left)

    def _call_while_somebody_waits(self) -> None:
        while group := self._next_group():
            bring(zip([answer for _, answer in group], self._outcomes([item for item, _ in group]), strict=True))

    def _next_group(self) -> list[tuple[T, Awaited[R]]]:
        with self._lock:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._calling = bool(group)
        return group

    def _outcomes(self, items: Sequence[T]) -> list[Outcome]:
        try:
            return [(answer, None) for _, answer in zip(items, self._call(items), strict=True)]
        except BaseException as error:  # noqa: BLE001 - each of those who wait raises it
            return [(None, _copy_of(error)) for _ in items]


def _copy_of(error: BaseException) -> BaseException:
    """Like the error, caused by it; `copy` would call a class that makes its message with that message."""
    kind = type(error)
    try:
        copied = kind.__new__(kind, *error.args)
        copied.args = error.args
        vars(copied).update(vars(error))
    except Exception:  # noqa: BLE001 - a class may refuse whatever it likes, and those who wait must be answered
        copied = RuntimeError(f"{kind.__name__}: {error}")
    copied.__cause__ = error
    return copied
