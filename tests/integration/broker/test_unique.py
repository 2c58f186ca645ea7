"""Unique keys: what becomes of a second job for the same thing, and how long the first one counts."""

from libs.common.broker.model import UniqueMode, UniqueUntil
from tests.integration.broker.conftest import HOUR_MS, Bench
from tests.waiting import wait_until


def test_replace_drops_the_job_that_waits_for_the_newer_one(bench: Bench) -> None:
    first = bench.add(unique_key="k", unique_mode=UniqueMode.REPLACE, data={"n": 1})
    second = bench.add(unique_key="k", unique_mode=UniqueMode.REPLACE, data={"n": 2})
    assert bench.state(first) is None
    assert bench.take(second).kwargs == {"n": 2}


def test_replace_does_not_touch_a_job_that_runs(bench: Bench) -> None:
    first = bench.add(unique_key="k", unique_mode=UniqueMode.REPLACE)
    bench.take(first)
    assert bench.add(unique_key="k", unique_mode=UniqueMode.REPLACE) == first


def test_latest_runs_the_newest_of_those_that_came_while_one_ran(bench: Bench) -> None:
    first = bench.add(unique_key="k", unique_mode=UniqueMode.LATEST)
    running = bench.take(first)
    second = bench.add(unique_key="k", unique_mode=UniqueMode.LATEST)
    third = bench.add(unique_key="k", unique_mode=UniqueMode.LATEST)
    assert bench.state(second) is None
    assert bench.state(third) == "waiting"
    assert bench.fetch(5) == []
    bench.run("complete_ruled", first, running.fence, b'{"u":"ek"}')
    assert bench.take(third)


def test_the_one_that_is_next_can_be_cancelled(bench: Bench) -> None:
    first = bench.add(unique_key="k", unique_mode=UniqueMode.LATEST)
    running = bench.take(first)
    following = bench.add(unique_key="k", unique_mode=UniqueMode.LATEST)
    assert bench.queue.cancel(following) == "cancelled"
    bench.run("complete_ruled", first, running.fence, b'{"u":"ek"}')
    assert bench.fetch(1) == []
    assert bench.queue.stats().counts["waiting"] == 0


def test_a_key_held_until_the_start_is_free_while_the_job_runs(bench: Bench) -> None:
    rule = {"unique_key": "k", "unique_until": UniqueUntil.STARTED}
    first = bench.add(**rule)
    assert bench.add(**rule) == first
    bench.take(first)
    assert bench.add(**rule) != first


def test_a_key_held_for_a_time_outlasts_its_job_and_ends_by_itself(bench: Bench) -> None:
    rule = {"unique_key": "k", "unique_until": UniqueUntil.TIME, "unique_ms": 150}
    first = bench.add(**rule)
    job = bench.take(first)
    bench.run("complete_ruled", first, job.fence, b'{"u":"tk"}')
    assert bench.add(**rule) == first
    wait_until(lambda: bench.add(**rule) != first, deadline_s=2, message="the key was not freed")


def test_keys_that_were_held_for_a_time_are_not_kept_for_ever(bench: Bench) -> None:
    for number in range(15):
        bench.add(unique_key=f"k{number}", unique_until=UniqueUntil.TIME, unique_ms=1)

    def forgotten() -> bool:
        bench.add(delay_ms=HOUR_MS)
        return bench.client.hgetall(bench.queue.keys["unique"].decode()) == {}

    wait_until(forgotten, deadline_s=2, message="expired keys are still stored")


def test_a_dead_letter_whose_key_another_holds_is_not_retried(bench: Bench) -> None:
    dead = bench.add(unique_key="k")
    job = bench.take(dead)
    bench.run("dead_letter", dead, job.fence, b'{"n":1,"o":"failed","e":"","w":"","s":1,"d":1}', "bad")
    other = bench.add(unique_key="k", delay_ms=HOUR_MS)
    assert not bench.queue.retry(dead)
    bench.queue.cancel(other)
    assert bench.queue.retry(dead)
