"""Calls that serve several threads at once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from libs.common.errors import StoreUnavailable
from services.gateway.together import Together

_PATIENCE_S = 5.0


class Slow:
    """Answers ten times the item, once it is allowed to; notes what it was called with."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.called = threading.Semaphore(0)
        self.may_answer = threading.Semaphore(0)
        self.error: Exception | None = None

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        self.called.release()
        assert self.may_answer.acquire(timeout=_PATIENCE_S)
        if self.error is not None:
            raise self.error
        return [10 * item for item in items]


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def asked_meanwhile(
    together: Together[int, int], slow: Slow, threads: ThreadPoolExecutor, items: Sequence[int]
) -> list["Future[int]"]:
    """Item 0 is being called for; the others ask meanwhile, in this order."""
    futures = [threads.submit(together.ask, 0)]
    assert slow.called.acquire(timeout=_PATIENCE_S)
    for place, item in enumerate(items, start=1):
        futures.append(threads.submit(together.ask, item))
        wait_until(partial(_are_waiting, together, place))
    return futures


def _are_waiting(together: Together[int, int], number: int) -> bool:
    return len(together._waiting) == number


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = threading.Event()
    for _ in range(int(_PATIENCE_S / 0.001)):
        if condition():
            return
        deadline.wait(0.001)
    raise AssertionError("what was waited for did not come")


def test_one_alone_is_called_for_at_once(slow: Slow) -> None:
    slow.may_answer.release()

    assert Together(slow, most=10).ask(4) == 40
    assert slow.calls == [[4]]


def test_those_who_come_during_a_call_are_the_next_one(slow: Slow, threads: ThreadPoolExecutor) -> None:
    futures = asked_meanwhile(Together(slow, most=10), slow, threads, [1, 2, 3])

    slow.may_answer.release(2)

    assert [future.result(_PATIENCE_S) for future in futures] == [0, 10, 20, 30]
    assert slow.calls == [[0], [1, 2, 3]]


def test_no_call_has_more_items_than_is_allowed(slow: Slow, threads: ThreadPoolExecutor) -> None:
    futures = asked_meanwhile(Together(slow, most=2), slow, threads, [1, 2, 3])

    slow.may_answer.release(3)

    assert [future.result(_PATIENCE_S) for future in futures] == [0, 10, 20, 30]
    assert slow.calls == [[0], [1, 2], [3]]


def test_an_error_is_raised_to_all_who_shared_the_call_and_to_nobody_else(
    slow: Slow, threads: ThreadPoolExecutor
) -> None:
    together = Together(slow, most=2)
    slow.error = OSError("away")
    futures = asked_meanwhile(together, slow, threads, [1, 2])
    slow.may_answer.release(2)
    for future in futures:
        with pytest.raises(OSError, match="away"):
            future.result(_PATIENCE_S)

    slow.error = None
    slow.may_answer.release()

    assert together.ask(5) == 50


def test_everyone_raises_an_error_of_his_own_so_that_tracebacks_do_not_mix(
    slow: Slow, threads: ThreadPoolExecutor
) -> None:
    slow.error = StoreUnavailable("mongodb", "away")
    futures = asked_meanwhile(Together(slow, most=3), slow, threads, [1, 2, 3])
    slow.may_answer.release(2)

    errors = [future.exception(_PATIENCE_S) for future in futures]

    assert len({id(error) for error in errors} | {id(slow.error)}) == 5
    for error in errors:
        assert isinstance(error, StoreUnavailable)
        assert (str(error), error.store, error.reason) == ("mongodb is unavailable: away", "mongodb", "away")
        assert error.__cause__ is slow.error


class Uncopyable(Exception):
    """An error that cannot be made anew."""

    def __new__(cls, *, reason: str) -> "Uncopyable":
        return super().__new__(cls, reason)

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


@pytest.mark.parametrize("error", [Uncopyable(reason="odd"), StopIteration("odd")])
def test_an_error_of_any_kind_reaches_who_asked_and_the_next_call_works(slow: Slow, error: Exception) -> None:
    together = Together(slow, most=3)
    slow.error = error
    slow.may_answer.release()
    with pytest.raises((RuntimeError, StopIteration), match="odd"):
        together.ask(1)

    slow.error = None
    slow.may_answer.release()

    assert together.ask(2) == 20


def test_without_a_thread_to_call_with_nobody_waits_in_vain(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    together = Together(slow, most=3)
    with monkeypatch.context() as patch:
        patch.setattr(together._caller, "submit", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            together.ask(1)
    slow.may_answer.release()

    assert together.ask(2) == 20


def test_many_threads_get_each_its_own_answer(threads: ThreadPoolExecutor) -> None:
    together = Together[int, int](lambda items: [10 * item for item in items], most=5)

    assert list(threads.map(together.ask, range(2_000))) == [10 * item for item in range(2_000)]
