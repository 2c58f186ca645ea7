"""The lanes of one line: how many at once, when, and what comes back unasked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from libs.common.providers.checking import AvailabilityAnswer
from libs.common.providers.errors import FaultReason, LineFault
from services.availability.circuit import Circuit, CircuitRules
from services.availability.lanes import Inbox, Lanes, NotAsked, Question, Result
from tests.unit.availability.world import FakeLine, always


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(work(), 10)

    asyncio.run(bounded())


def lanes_of(line: FakeLine, *, at_once: int = 4, circuit: Circuit | None = None) -> Lanes:
    return Lanes(line.line_id, line, circuit or Circuit(), at_once=at_once, clock_s=time.monotonic)


def put(lanes: Lanes, inbox: Inbox, handles: list[str], *, at_s: float = 0.0, interval_s: float = 0.0) -> None:
    for n, handle in enumerate(handles):
        start_s = at_s + n * interval_s if at_s else time.monotonic()
        lanes.put(Question(handle, "a", inbox, start_s, interval_s))


async def all_results(inbox: Inbox) -> dict[str, Result]:
    found: dict[str, Result] = {}
    while inbox.under_way:
        found |= {question.handle: result for question, result in await inbox.take(within_s=0.1)}
    return found | {question.handle: result for question, result in inbox.drain()}


def handles(number: int, prefix: str = "h") -> list[str]:
    return [f"{prefix}{n}" for n in range(number)]


def test_every_question_gets_one_result() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a", {"h3"}), Inbox(enough=1_000)
        put(lanes_of(line), inbox, handles(50))
        results = await all_results(inbox)
        assert sorted(line.asked) == sorted(handles(50)) == sorted(results)
        assert [
            name for name, result in results.items() if isinstance(result, AvailabilityAnswer) and result.available
        ] == ["h3"]

    run(work)


def test_lanes_that_ran_dry_take_up_work_again_at_once() -> None:
    async def work() -> None:
        line = FakeLine("a")
        lanes = lanes_of(line, at_once=1)
        for n in range(20):
            inbox = Inbox(enough=1)
            put(lanes, inbox, [f"h{n}"])
            assert await all_results(inbox)
            assert lanes.queued == 0

    run(work)


def test_a_question_put_as_the_last_lane_ends_is_asked() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a"), Inbox(enough=1)
        lanes = lanes_of(line, at_once=1)

        class PutsAnother(Inbox):
            def put(self, question: Question, result: Result) -> None:
                super().put(question, result)
                asyncio.get_running_loop().call_soon(put, lanes, inbox, ["second"])

        put(lanes, PutsAnother(enough=1), ["first"])
        await line.asked_so_many(2)
        assert line.asked == ["first", "second"]

    run(work)


@pytest.mark.alone
def test_questions_start_at_their_moments_and_in_order() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a"), Inbox(enough=1_000)
        begun = time.monotonic()
        put(lanes_of(line, at_once=8), inbox, handles(10), at_s=begun + 0.05, interval_s=0.02)
        await all_results(inbox)
        assert line.asked == handles(10)
        assert all(at >= begun + 0.05 + n * 0.02 - 0.002 for n, at in enumerate(line.asked_at))

    run(work)


def test_questions_that_are_late_do_not_come_in_a_burst() -> None:
    class Stuck(FakeLine):
        async def check(self, handle: str) -> AvailabilityAnswer:
            answer = await super().check(handle)
            if len(self.asked) <= 3:
                await released.wait()
            return answer

    async def work() -> None:
        line, inbox = Stuck("a"), Inbox(enough=1_000)
        put(lanes_of(line, at_once=3), inbox, handles(6), at_s=time.monotonic(), interval_s=0.1)
        await line.asked_so_many(3)
        await asyncio.sleep(0.15)
        released.set()
        results = await all_results(inbox)
        assert all(isinstance(result, AvailabilityAnswer) for result in results.values())
        assert min(later - earlier for earlier, later in pairwise(line.asked_at[3:])) >= 0.08

    released = asyncio.Event()
    run(work)


def test_a_question_that_is_too_late_comes_back_unasked() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a", latency_s=0.4), Inbox(enough=1_000)
        put(lanes_of(line, at_once=1), inbox, handles(3), at_s=time.monotonic(), interval_s=0.01)
        results = await all_results(inbox)
        assert line.asked == ["h0"]
        assert [results["h1"], results["h2"]] == [NotAsked.TOO_LATE] * 2

    run(work)


def test_where_only_the_number_counts_nothing_is_too_late() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a", latency_s=0.4), Inbox(enough=1_000)
        put(lanes_of(line, at_once=1), inbox, handles(2), at_s=time.monotonic(), interval_s=1e-6)
        await all_results(inbox)
        assert line.asked == handles(2)

    run(work)


def test_what_waits_for_a_line_that_is_set_aside_comes_back_at_once() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a", fault=always(FaultReason.REFUSED)), Inbox(enough=1_000)
        lanes = lanes_of(line, at_once=1, circuit=Circuit(CircuitRules(faults_in_a_row=2)))
        put(lanes, inbox, handles(30), at_s=time.monotonic() + 0.01, interval_s=0.01)
        begun = time.monotonic()
        results = await all_results(inbox)
        assert time.monotonic() - begun < 0.2
        assert len(line.asked) == 2
        assert sum(result is NotAsked.SET_ASIDE for result in results.values()) == 28
        later = Inbox(enough=1)
        put(lanes, later, ["later"])
        assert (await all_results(later))["later"] is NotAsked.SET_ASIDE
        assert len(line.asked) == 2

    run(work)


def test_nobody_is_asked_for_a_caller_that_has_gone() -> None:
    async def work() -> None:
        line, gone, present = FakeLine("a", latency_s=0.01), Inbox(enough=1_000), Inbox(enough=1_000)
        lanes = lanes_of(line, at_once=2)
        put(lanes, gone, handles(20, "gone"))
        put(lanes, present, handles(5, "present"))
        await line.asked_so_many(2)
        gone.close()
        await all_results(present)
        assert sum(handle.startswith("gone") for handle in line.asked) == 2
        assert gone.drain() == []

    run(work)


def test_the_moments_of_a_caller_that_has_gone_are_not_waited_for() -> None:
    async def work() -> None:
        line, gone, present = FakeLine("a"), Inbox(enough=1), Inbox(enough=1)
        lanes = lanes_of(line, at_once=1)
        put(lanes, gone, handles(3, "gone"), at_s=time.monotonic() + 60, interval_s=0.01)
        put(lanes, present, ["present"])
        gone.close()
        await all_results(present)
        assert line.asked == ["present"]

    run(work)


def test_a_caller_is_woken_when_enough_has_come_and_not_before() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a", latency_s=0.01), Inbox(enough=6)
        put(lanes_of(line, at_once=2), inbox, handles(10))
        assert len(await inbox.take(within_s=5)) >= 6
        assert len(await all_results(inbox)) <= 4

    run(work)


def test_a_caller_is_woken_after_its_time_with_what_there_is() -> None:
    async def work() -> None:
        line, inbox = FakeLine("a", latency_s=0.2), Inbox(enough=100)
        put(lanes_of(line, at_once=1), inbox, handles(3))
        assert len(await inbox.take(within_s=0.3)) == 1

    run(work)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("x"), LineFault(FaultReason.TIMEOUT)])
def test_an_error_of_an_adapter_becomes_a_fault(error: Exception) -> None:
    class Broken(FakeLine):
        async def check(self, handle: str) -> AvailabilityAnswer:
            raise error

    async def work() -> None:
        inbox = Inbox(enough=1)
        put(lanes_of(Broken("a")), inbox, ["h"])
        assert isinstance((await all_results(inbox))["h"], LineFault)

    run(work)
