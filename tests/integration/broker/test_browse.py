"""Browsing a queue's jobs, page by page."""

import base64
import time

import pytest
import redis

from libs.common.broker.model import JobView
from libs.common.errors import InvalidInput
from libs.common.jobs.states import JobState
from tests.integration.broker.conftest import Bench


def pages(bench: Bench, state: JobState, **asked: object) -> list[list[JobView]]:
    """Every page, in order."""
    found, cursor = [], ""
    for _ in range(1_000):
        page = bench.queue.browse(state, cursor=cursor, **asked)  # type: ignore[arg-type]  # as the test says
        found.append(list(page.jobs))
        if page.cursor is None:
            return found
        cursor = page.cursor
    raise AssertionError("there is always another page")


def ids(bench: Bench, state: JobState, **asked: object) -> list[str]:
    return [job.job_id for page in pages(bench, state, **asked) for job in page]


def bury(bench: Bench, reason: str = "boom", **fields: object) -> str:
    job_id = bench.add(**fields)
    job = bench.take(job_id)
    bench.run("dead_letter", job_id, job.fence, b'{"n":1,"o":"failed","e":"E","w":"w","s":1,"d":1}', reason)
    return job_id


def test_an_empty_queue_has_one_empty_page_per_state(bench: Bench) -> None:
    for state in JobState:
        assert pages(bench, state) == [[]]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_dead_letters_come_latest_first_each_once(bench: Bench, limit: int) -> None:
    buried = [bury(bench) for _ in range(7)]
    for number, job_id in enumerate(buried):
        # Three of them at the same moment.
        bench.client.zadd(bench.queue.keys["failed"].decode(), {job_id: 1_000 + max(0, number - 2)})

    found = ids(bench, JobState.FAILED, limit=limit)

    assert found == sorted(buried, key=lambda job_id: (1_000 + max(0, buried.index(job_id) - 2), job_id), reverse=True)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_delayed_jobs_come_by_their_time(bench: Bench, limit: int) -> None:
    late = [bench.add(delay_ms=60_000) for _ in range(3)]
    soon = bench.add(delay_ms=1_000)

    assert ids(bench, JobState.DELAYED, limit=limit) == [soon, *late]


def test_a_page_goes_on_where_the_last_one_ended_though_its_last_job_is_gone(bench: Bench) -> None:
    buried = [bury(bench) for _ in range(4)]
    first = bench.queue.browse(JobState.FAILED, limit=2)
    for job in first.jobs:
        bench.queue.remove(job.job_id)
    newer = bury(bench)

    rest = bench.queue.browse(JobState.FAILED, cursor=first.cursor or "", limit=10)

    assert {job.job_id for job in rest.jobs} == set(buried) - {job.job_id for job in first.jobs}
    assert newer not in {job.job_id for job in rest.jobs}


@pytest.mark.parametrize("limit", [1, 7, 64, 100])
def test_waiting_jobs_of_all_groups_come_each_once(bench: Bench, limit: int) -> None:
    batches = {
        group: [bench.new(group=group) for _ in range(number)] for group, number in [("a", 130), ("b", 1), ("", 65)]
    }
    for batch in batches.values():
        bench.queue.add(batch)

    found = ids(bench, JobState.WAITING, limit=limit)

    assert found == [job.job_id for group in ("", "a", "b") for job in batches[group]]


def test_one_groups_jobs_come_in_line(bench: Bench) -> None:
    for group in ("a", "b"):
        bench.queue.add([bench.new(group=group) for _ in range(3)])

    assert ids(bench, JobState.WAITING, group="b", limit=2) == ["job-4", "job-5", "job-6"]
    assert ids(bench, JobState.WAITING, group="c") == []


def test_what_is_taken_while_one_reads_is_left_out_and_the_rest_still_comes(bench: Bench) -> None:
    bench.queue.add([bench.new(group="a") for _ in range(70)])
    bench.queue.add([bench.new(group="b") for _ in range(3)])
    first = bench.queue.browse(JobState.WAITING, limit=10)
    taken = {job.job_id for job in bench.fetch(20)}

    rest: list[str] = []
    cursor = first.cursor
    while cursor:
        page = bench.queue.browse(JobState.WAITING, cursor=cursor, limit=10)
        rest += [job.job_id for job in page.jobs]
        cursor = page.cursor

    everything = {f"job-{n}" for n in range(1, 74)}
    assert everything - taken - {job.job_id for job in first.jobs} <= set(rest)
    assert not taken & set(rest)
    assert len(rest) == len(set(rest))


def test_a_thousand_workspaces_are_read_to_the_end(bench: Bench) -> None:
    bench.queue.add([bench.new(group=f"w{n}") for n in range(1_000)])

    found = ids(bench, JobState.WAITING, limit=50)

    assert sorted(found) == sorted(f"job-{n}" for n in range(1, 1_001))


def test_prioritized_active_and_suspected_jobs_are_listed(bench: Bench) -> None:
    urgent = [bench.add(priority=1, group="a"), bench.add(priority=5, group="a"), bench.add(priority=1, group="b")]
    assert ids(bench, JobState.PRIORITIZED, limit=1) == urgent
    assert ids(bench, JobState.PRIORITIZED, group="b") == urgent[2:]
    taken = bench.take()
    assert ids(bench, JobState.ACTIVE) == [taken.job_id]

    other = Bench(bench.client)
    bench.client.flushall()
    suspect = other.add()
    for _ in range(2):
        other.fall_silent(other.take(suspect))
    plain = other.add()
    assert ids(other, JobState.WAITING, limit=1) == [suspect, plain]


def test_a_paused_queues_jobs_are_listed_as_paused(bench: Bench) -> None:
    job_id = bench.add()
    bench.queue.pause()

    (job,) = pages(bench, JobState.PAUSED)[0]

    assert (job.job_id, job.state) == (job_id, JobState.PAUSED)


def test_dead_letters_are_found_by_type_workspace_and_what_they_say(bench: Bench) -> None:
    bury(bench, "HTTP 429 from provider", group="a")
    bury(bench, "connection refused", group="b")
    sync = bury(bench, "http 429", group="b", job_type="sync")

    assert ids(bench, JobState.FAILED, text="HTTP 429", group="b") == [sync]
    assert ids(bench, JobState.FAILED, job_type="sync") == [sync]
    assert ids(bench, JobState.FAILED, job_type="syn") == []
    assert ids(bench, JobState.FAILED, text="%d+") == []


def test_a_search_that_finds_little_stops_after_a_bounded_number_of_jobs(bench: Bench) -> None:
    bench.queue.add([bench.new() for _ in range(1_200)])
    needle = bench.add(job_type="needle")

    found = pages(bench, JobState.WAITING, job_type="needle")

    assert len(found) >= 3
    assert [job.job_id for page in found for job in page] == [needle]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!",
        "W10",
        base64.urlsafe_b64encode(b'["failed"]').decode(),
        base64.urlsafe_b64encode(b'["failed","a","b"]').decode(),
        base64.urlsafe_b64encode(b'["line","a","b","c"]').decode(),
        base64.urlsafe_b64encode(b"\xff").decode(),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(bench: Bench, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        bench.queue.browse(JobState.FAILED, cursor=cursor)


def test_a_page_costs_no_more_in_a_long_queue(bench: Bench, redis_client: "redis.Redis") -> None:
    keys = bench.queue.keys
    records = redis_client.pipeline()
    for start in range(0, 200_000, 10_000):
        records.zadd(keys["failed"].decode(), {f"job-{n:06}": 5 for n in range(start, start + 10_000)})
    records.execute()
    middle = base64.urlsafe_b64encode(b'["failed","5","job-100000"]').decode()

    started = time.perf_counter()
    bench.run("browse", "failed", 100, 500, "", 0, "", "", "failed", "5", "job-100000")
    assert time.perf_counter() - started < 0.05
    assert bench.queue.browse(JobState.FAILED, cursor=middle, limit=1).jobs == ()


def test_many_are_retried_and_removed_in_one_call(bench: Bench) -> None:
    buried = [bury(bench) for _ in range(45)]

    assert bench.queue.retry_many([*buried[:22], "nobody"]) == [True] * 22 + [False]
    assert bench.queue.remove_many([*buried[22:], buried[0]]) == [True] * 23 + [False]
    assert bench.queue.stats().counts["failed"] == 0
