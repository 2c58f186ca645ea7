"""Turns what many threads ask for at the same time into one call, so that a round trip serves all of them.

Nobody waits for company: who comes first calls at once, and those who come meanwhile are the next call. So one at a
time pays one round trip, as without this, and the busier it is the more share one.

The smallest use::

    together = Together(store.insert_many, most=100)
    answer = together.ask(item)  # from any thread
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Asked(Generic[T, R]):
    """One thread's item; its lock is open once there is an answer, or once it is this thread's turn to call."""

    __slots__ = ("answer", "calls_next", "error", "item", "turn")

    def __init__(self, item: T) -> None:
        self.item = item
        self.turn = threading.Lock()
        self.turn.acquire()
        self.calls_next = False
        self.answer: R | None = None
        self.error: BaseException | None = None


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
        self._waiting: list[_Asked[T, R]] = []
        self._calling = False

    def ask(self, item: T) -> R:
        """The answer to this item.

        Raises:
            Exception: what the call raised, to all who shared it; each has an object of its own, because raising one
                in many threads would mix their tracebacks.
        """
        mine = _Asked[T, R](item)
        with self._lock:
            self._waiting.append(mine)
            first = not self._calling
            self._calling = True
        if not first:
            mine.turn.acquire()
        if first or mine.calls_next:
            self._call_for_those_who_wait()
        if mine.error is not None:
            raise _copy_of(mine.error) from mine.error
        return mine.answer  # type: ignore[return-value]  # whoever was called for has an answer or an error

    def _call_for_those_who_wait(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            for asked, answer in zip(group, self._call([asked.item for asked in group]), strict=True):
                asked.answer = answer
        except BaseException as error:  # noqa: BLE001 - each of those who wait raises it
            for asked in group:
                asked.error = error
        with self._lock:
            if self._waiting:
                self._waiting[0].calls_next = True
                group.append(self._waiting[0])
            else:
                self._calling = False
        # The first of the group is this thread itself.
        for asked in group[1:]:
            asked.turn.release()


def _copy_of(error: BaseException) -> BaseException:
    """Like the error, without its traceback; `copy` would call a class that makes its message with that message."""
    kind = type(error)
    copied = kind.__new__(kind, *error.args)
    copied.args = error.args
    vars(copied).update(vars(error))
    return copied
