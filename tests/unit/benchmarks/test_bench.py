"""The course of a run: interleaved, in turn, and going on when one peer fails."""

import threading
from collections.abc import Callable

import pytest

from benchmarks.queue.bench import Bench
from benchmarks.queue.plan import Entry
from benchmarks.queue.processes import Contestant, PeerFailedError
from benchmarks.queue.results import Sample
from benchmarks.queue.rows import QUICK, Numbers, Setting


class EmptiedRedis:
    """Notes when it is emptied."""

    def __init__(self) -> None:
        self.emptied = 0

    def empty(self) -> None:
        self.emptied += 1

    def used_bytes(self) -> int:
        return 0

    @property
    def url(self) -> str:
        return "redis://nowhere"


def peers(*names: str) -> list[Contestant]:
    return [Contestant(name, (), share=1) for name in names]


def run(*entries: Entry, contestants: list[Contestant], rounds: int = 1) -> tuple[Bench, EmptiedRedis]:
    redis = EmptiedRedis()
    bench = Bench(Setting(redis, QUICK), contestants, tell=lambda _words, _peer, _numbers: None)
    bench.run(entries, rounds=rounds)
    return bench, redis


def noting(calls: list[str], row: str = "drain_1") -> Callable[[Contestant, Setting], Numbers]:
    def measure(peer: Contestant, _at: Setting) -> Numbers:
        calls.append(peer.name)
        return {row: 1.0}

    return measure


def test_each_round_begins_with_another_peer() -> None:
    calls: list[str] = []
    run(Entry("drain_1", noting(calls)), contestants=peers("a", "b", "c"), rounds=3)

    assert [calls[0], calls[3], calls[6]] == ["b", "c", "a"]
    assert [sorted(calls[i : i + 3]) for i in (0, 3, 6)] == [["a", "b", "c"]] * 3


def test_redis_is_empty_before_each_measurement() -> None:
    emptied: list[int] = []
    redis = EmptiedRedis()

    def measure(_peer: Contestant, _at: Setting) -> Numbers:
        emptied.append(redis.emptied)
        return {}

    bench = Bench(Setting(redis, QUICK), peers("a", "b"), tell=lambda _words, _peer, _numbers: None)
    bench.run([Entry("drain_1", measure)], rounds=2)

    assert len(set(emptied)) == 4
    assert min(emptied) == 1


def test_a_failure_is_noted_and_the_others_go_on() -> None:
    def measure(peer: Contestant, _at: Setting) -> Numbers:
        if peer.name == "a":
            raise PeerFailedError("it fell over")
        return {"drain_1": 5.0}

    bench, _ = run(Entry("drain_1", measure), contestants=peers("a", "b"))

    assert bench.samples == [Sample("drain_1", "b", 5.0)]
    assert [(failure.peer, failure.reason) for failure in bench.failures] == [("a", "it fell over")]


def test_only_those_named_take_part() -> None:
    calls: list[str] = []
    run(Entry("groups_1", noting(calls), only=("b",)), contestants=peers("a", "b"))

    assert calls == ["b"]


def test_nobody_taking_part_is_no_error() -> None:
    bench, _ = run(Entry("groups_1", noting([]), only=("x",), side_by_side=True), contestants=peers("a"))

    assert bench.samples == []


def test_a_long_measurement_has_fewer_rounds() -> None:
    calls: list[str] = []
    run(Entry("backlog_10m", noting(calls), rounds=1), contestants=peers("a"), rounds=3)

    assert calls == ["a"]


def test_those_that_only_wait_wait_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    def measure(_peer: Contestant, _at: Setting) -> Numbers:
        together.wait()
        return {"recovery_s": 1.0}

    bench, _ = run(Entry("recovery", measure, side_by_side=True), contestants=peers("a", "b", "c"))

    assert {sample.peer for sample in bench.samples} == {"a", "b", "c"}


@pytest.mark.parametrize("side_by_side", [True, False])
def test_a_measurement_is_told_as_it_ends(side_by_side: bool) -> None:
    told: list[tuple[str, str]] = []
    bench = Bench(
        Setting(EmptiedRedis(), QUICK), peers("a"), tell=lambda words, peer, _numbers: told.append((words, peer.name))
    )
    bench.run([Entry("drain_1", noting([]), side_by_side=side_by_side)], rounds=2)

    assert told == [("round 1 of 2", "a"), ("round 2 of 2", "a")]
