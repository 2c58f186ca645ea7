"""Ordinary code on an event loop leaves it to others while it waits, and works in a thread as well."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import pytest

from services.gateway.serving.waiting import Awaited, bring, is_on_loop, off_loop, run_on_loop

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def on_a_loop(function: Callable[[], Any], threads: ThreadPoolExecutor) -> Any:
    async def call() -> Any:
        return await run_on_loop(function, threads=threads)

    return asyncio.run(call())


def test_what_the_function_answers_is_answered(threads: ThreadPoolExecutor) -> None:
    assert on_a_loop(lambda: (is_on_loop(), 7), threads) == (True, 7)
    assert not is_on_loop()


def test_what_the_function_raises_is_raised(threads: ThreadPoolExecutor) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        on_a_loop(fail, threads)


def test_one_who_waits_leaves_the_loop_to_another(threads: ThreadPoolExecutor) -> None:
    order: list[str] = []
    came = threading.Event()

    def first() -> None:
        order.append("waits")
        off_loop(came.wait, 5)
        order.append("goes on")

    def second() -> None:
        order.append("comes meanwhile")
        came.set()

    async def both() -> None:
        await asyncio.gather(run_on_loop(first, threads=threads), run_on_loop(second, threads=threads))

    asyncio.run(both())

    assert order == ["waits", "comes meanwhile", "goes on"]


def test_what_blocks_and_fails_fails_where_it_is_waited_for(threads: ThreadPoolExecutor) -> None:
    def fail() -> None:
        raise KeyError("gone")

    def ask() -> str:
        try:
            off_loop(fail)
        except KeyError:
            return "caught"
        return "missed"

    assert on_a_loop(ask, threads) == "caught"


def test_what_blocks_goes_into_a_thread_with_its_context(threads: ThreadPoolExecutor) -> None:
    def ask() -> tuple[str, bool, str]:
        WHO.set("me")
        return off_loop(lambda: (threading.current_thread().name, is_on_loop(), WHO.get()))

    name, was_on_loop, who = on_a_loop(ask, threads)

    assert name.startswith("ThreadPoolExecutor")
    assert (was_on_loop, who) == (False, "me")


def test_off_a_loop_it_is_called_at_once() -> None:
    assert off_loop(threading.current_thread) is threading.current_thread()


def test_contexts_of_two_requests_do_not_mix(threads: ThreadPoolExecutor) -> None:
    async def both() -> list[str]:
        barrier = threading.Barrier(2)

        def name(who: str) -> str:
            WHO.set(who)
            off_loop(barrier.wait, 5)
            return WHO.get()

        return await asyncio.gather(*(run_on_loop(name, who, threads=threads) for who in ("one", "two")))

    assert asyncio.run(both()) == ["one", "two"]


def test_an_answer_from_another_thread_reaches_loops_and_threads_alike(threads: ThreadPoolExecutor) -> None:
    async def ask() -> list[Any]:
        asked: SimpleQueue[Awaited[int]] = SimpleQueue()
        loop = asyncio.get_running_loop()

        def wait() -> int:
            asked.put(awaited := Awaited[int]())
            return awaited.wait()

        def answer() -> None:
            everyone = [asked.get(timeout=5) for _ in range(4)]
            bring([(awaited, (place, None)) for place, awaited in enumerate(everyone)])

        with ThreadPoolExecutor(3) as others:
            others.submit(answer)
            return await asyncio.gather(
                *(run_on_loop(wait, threads=threads) for _ in range(2)),
                *(loop.run_in_executor(others, wait) for _ in range(2)),
            )

    assert sorted(asyncio.run(ask())) == [0, 1, 2, 3]


def test_an_error_from_another_thread_is_raised(threads: ThreadPoolExecutor) -> None:
    def ask() -> str:
        awaited = Awaited[int]()
        threads.submit(bring, [(awaited, (None, OSError("away")))])
        try:
            awaited.wait()
        except OSError as error:
            return str(error)
        return "missed"

    assert on_a_loop(ask, threads) == ask() == "away"


def test_an_answer_that_comes_after_its_loop_has_ended_or_who_asked_has_left_harms_nobody(
    threads: ThreadPoolExecutor,
) -> None:
    left: list[Awaited[int]] = []

    def ask() -> None:
        left.append(awaited := Awaited[int]())
        awaited.wait()

    async def leave() -> None:
        task = asyncio.ensure_future(run_on_loop(ask, threads=threads))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        bring([(left[0], (1, None))])
        await asyncio.sleep(0)

    asyncio.run(leave())
    bring([(left[0], (1, None))])
