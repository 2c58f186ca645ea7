"""``maxmemory`` is reached: nothing new comes in, nothing is evicted, and everything that is under way can end."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from libs.common.broker import scripts
from libs.common.broker.connection import connect_redis
from libs.common.broker.held_job import HeldJob
from libs.common.broker.model import Limit, NewJob, UniqueMode
from libs.common.broker.record import record_of
from libs.common.errors import QueueFull
from libs.common.settings import Secret, Settings
from libs.embedded import RedisServer
from tests.integration.broker.conftest import HOUR_MS, Bench
from tests.integration.redis_kinds.servers import ask

LINE = b'{"n":1,"o":"failed","e":"bad","w":"worker","s":1,"d":1}'
ADDING = {"add", "add_one", "add_ruled"}
READING = {"browse", "ended", "events_kept", "inspect", "known", "stats"}


class FullBench(Bench):
    """A bench whose Redis can be filled and freed."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(connect_redis(Settings(redis_url=Secret(server.url))))
        self.server = server

    def fill(self) -> None:
        ask(self.server, "CONFIG", "SET", "maxmemory", 1)

    def free(self) -> None:
        ask(self.server, "CONFIG", "SET", "maxmemory", 0)

    def fall_silent(self, job: HeldJob) -> None:
        """Ends the lease, which the test needs memory for, and lets another worker notice while there is none."""
        self.free()
        self.client.zadd(self.queue.keys["active"].decode(), {job.job_id: 1}, xx=True)
        self.fill()
        self.run("fetch", 0, "another", HOUR_MS, 1)


@pytest.fixture
def full(binary: Path) -> Iterator[FullBench]:
    with RedisServer(binary=binary, config={"appendonly": "no"}) as server:
        bench = FullBench(server)
        yield bench
        bench.client.close()


def test_new_jobs_are_refused_and_nothing_of_them_is_stored(full: FullBench) -> None:
    held = [full.add(delay_ms=HOUR_MS) for _ in range(5)]
    full.queue.add([full.new(unique_key="replaced", delay_ms=HOUR_MS)])
    full.fill()
    for refused in (
        {},
        {"priority": 3},
        {"delay_ms": 5},
        {"unique_key": "new"},
        # What would first drop the holder, and so free memory, is refused as well.
        {"unique_key": "replaced", "unique_mode": UniqueMode.REPLACE, "delay_ms": 5},
    ):
        with pytest.raises(QueueFull):
            full.queue.add([full.new(**refused), full.new(job_id="other")])
        with pytest.raises(QueueFull):
            full.queue.add([full.new(**refused)])
    assert full.queue.stats().counts["delayed"] == len(held) + 1
    full.free()
    assert full.state(full.add()) == "waiting"


def test_an_expired_unique_key_is_no_way_around_the_limit(full: FullBench) -> None:
    """The script's first write would be to forget the key, after which Redis lets it write whatever it likes."""
    client: Any = full.client
    client.zadd(full.queue.keys["unique_ends"], {"old": 1})
    client.hset(full.queue.keys["unique"], "old", "gone")
    full.fill()
    job = full.new(unique_key="new")
    with pytest.raises(QueueFull):
        full.run("add_ruled", "", 0, 0, "", "", "keep", 0, job.job_id, "enew", record_of(job, created_ms=0))


def test_jobs_are_taken_renewed_and_end_in_every_way(full: FullBench) -> None:
    ids = [full.add() for _ in range(8)]
    parent_id = full.add()
    taken = {job.job_id: job for job in full.fetch(9)}
    parent = taken[parent_id]
    full.queue.add([full.new(parent_id=parent_id, job_id="child")], parent_fence=parent.fence.decode())
    held = {job.job_id: job for job in full.fetch(1)}
    assert set(held) == {"child"}
    full.fill()

    fences = {job_id: job.fence for job_id, job in taken.items()}
    words = [word for i in ids for word in (i, fences[i])]
    assert full.run("renew", HOUR_MS, *words) == [[], []]
    first = ids[0]
    assert full.run("set_progress", first, fences[first], b'{"checked":1}') == 1
    assert full.run("log", first, fences[first], "a line") == 1
    assert full.run("complete", first, fences[first]) == []
    assert full.run("complete_ruled", ids[1], fences[ids[1]], b'{"c":10,"a":60000,"r":"1"}') == []
    assert full.run("retry", ids[2], fences[ids[2]], 0, LINE, "bad") == 1
    assert full.run("retry", ids[3], fences[ids[3]], HOUR_MS, LINE, "bad") == 1
    assert full.run("defer", ids[4], fences[ids[4]], 99_999_999_999_999, "quiet hours") == 1
    assert full.run("dead_letter", ids[5], fences[ids[5]], LINE, "bad") == 1
    assert full.run("hand_back", ids[6], fences[ids[6]]) == 1
    assert full.run("end_cancelled", ids[7], fences[ids[7]]) == 1
    assert full.run("wait_for_children", parent_id, parent.fence) == 1
    child = held["child"]
    assert full.run("complete_ruled", "child", child.fence, b'{"p":"i%s"}' % parent_id.encode()) == []
    assert [job.job_id for job in full.fetch(10)] == [parent_id, ids[6], ids[2]]


def test_a_lease_that_ends_is_noticed_and_a_lost_answer_given_back(full: FullBench) -> None:
    job_id = full.add()
    for _ in range(2):
        full.fall_silent(full.take(job_id))
    full.fill()
    assert full.fetch(1, holds=1) == []
    job = full.take(job_id)
    assert full.run("reclaim", "worker", HOUR_MS, 0) == 1
    full.fall_silent(full.take(job.job_id))
    assert full.state(job_id) == "failed"


def test_people_can_do_everything_but_add(full: FullBench) -> None:
    waiting, delayed, dead, running = full.add(), full.add(delay_ms=HOUR_MS), full.add(), full.add()
    first, second, third = full.fetch(3)
    full.run("dead_letter", dead, second.fence, LINE, "bad")
    full.run("hand_back", waiting, first.fence)
    full.fill()
    queue = full.queue
    assert queue.cancel(running) == "asked"
    assert queue.cancel(waiting) == "cancelled"
    assert queue.promote(delayed)
    assert queue.retry(dead)
    full.run("dead_letter", third.job_id, third.fence, LINE, "bad")
    assert queue.remove(third.job_id)
    queue.pause()
    assert full.fetch(5) == []
    queue.resume()
    queue.set_limit("line", Limit(at_once=1))
    queue.pause_key("line", None)
    assert len(full.fetch(5)) == 2


def test_every_script_says_what_it_does_when_memory_is_full() -> None:
    """``add_one`` needs no word: its first write is of the kind that Redis refuses."""
    names = {path.stem for path in Path(scripts.__file__).with_name("scripts").glob("*.lua")}
    runs = {name for name in names if "redis.call('PERSIST'" in scripts.script(name).source}
    refused = {name for name in names if "'HSETNX', meta, 'added', 0" in scripts.script(name).source}
    assert refused | {"add_one"} == ADDING
    assert runs == names - ADDING - READING


def test_a_full_redis_is_emptied_by_its_workers_and_takes_new_jobs_again(full: FullBench) -> None:
    """The limit is real here: memory is reached by jobs, and freed by their completion."""
    used = int(ask(full.server, "INFO", "memory")["used_memory"])
    ask(full.server, "CONFIG", "SET", "maxmemory", used + 3_000_000)
    added: list[str] = []
    with suppress(QueueFull):
        while len(added) < 10_000:
            jobs = [_large(f"large-{len(added) + n}") for n in range(20)]
            added += [answer.job_id for answer in full.queue.add(jobs)]
    assert 20 <= len(added) < 10_000
    done = 0
    while jobs_taken := full.fetch(50):
        assert full.run("complete", *[word for job in jobs_taken for word in (job.job_id, job.fence)]) == []
        done += len(jobs_taken)
    assert done == len(added)
    assert full.queue.add([_large("again")])[0].created


def _large(job_id: str) -> NewJob:
    return NewJob(job_id=job_id, job_type="work", data={"text": "x" * 10_000}, keep_count=0, keep_ms=0)
