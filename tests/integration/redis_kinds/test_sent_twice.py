"""A lost answer: every script may be sent again and changes nothing the second time, and a fetch is never sent again.

The state is everything that the queue's keys hold but the event stream, which may tell a thing twice, and moments that
Redis's clock has moved on.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from libs.common.broker import scripts
from libs.common.broker.connection import connect_redis
from libs.common.broker.fetcher import Fetcher
from libs.common.broker.keys import QUEUE_KEYS
from libs.common.broker.leases import LeaseKeeper
from libs.common.broker.model import Limit, UniqueMode
from libs.common.broker.queue import JobQueue
from libs.common.broker.record import record_of
from libs.common.broker.scripts import script
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.embedded import RedisServer
from tests.integration.broker.conftest import HOUR_MS, Bench
from tests.integration.redis_kinds.losing_proxy import LosingProxy
from tests.waiting import wait_until

LINE = b'{"n":1,"o":"failed","e":"bad","w":"worker","s":1,"d":1}'
CLOCKED = (
    "active",
    "age_index",
    "ages",
    "cancels",
    "completed",
    "delayed",
    "failed",
    "full_at",
    "overrides",
    "waiting_children",
)
"""Keys whose values hold the moment of the call."""

Call = tuple[str, list[bytes | str | int]]


@pytest.fixture
def bench(redis_client: "redis.Redis") -> Bench:
    return Bench(redis_client)


def state(bench: Bench) -> dict[str, Any]:
    """What the queue holds, without moments."""
    read = {}
    client: Any = bench.client
    for name in QUEUE_KEYS:
        key = bench.queue.keys[name]
        match client.type(key):
            case b"hash":
                held = client.hgetall(key)
            case b"zset":
                held = dict(client.zrange(key, 0, -1, withscores=True))
            case b"list":
                held = client.lrange(key, 0, -1)
            case _:
                continue
        if name != "events":
            read[name] = sorted(held) if name in CLOCKED else held
    return read


def plain_add(bench: Bench) -> Call:
    job = bench.new()
    return "add", [job.group, 1, job.job_id, record_of(job, created_ms=0)]


def single_add(bench: Bench) -> Call:
    job = bench.new()
    return "add_one", [job.group, job.job_id, record_of(job, created_ms=0), 0]


def ruled_add(bench: Bench) -> Call:
    job = bench.new(unique_key="k", unique_mode=UniqueMode.LATEST)
    bench.queue.add([bench.new(unique_key="k")])
    bench.take()
    return "add_ruled", ["", 0, 0, "", "", "latest", 0, job.job_id, "ek", record_of(job, created_ms=0)]


def of_held(name: str, *more: bytes | str | int) -> Callable[[Bench], Call]:
    """A script about a job that the worker holds, beside one that waits."""

    def make(bench: Bench) -> Call:
        bench.add()
        job = bench.take()
        bench.add()
        return name, [job.job_id, job.fence, *more]

    return make


def of_child(bench: Bench) -> Call:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    children = [bench.new(parent_id=parent_id), bench.new(parent_id=parent_id)]
    bench.queue.add(children, parent_fence=parent.fence.decode())
    child, _other = bench.fetch(2)
    details = b'{"p":"i%s","m":{"checked":2},"n":{"own":1},"c":5,"a":1000,"r":"1"}' % parent_id.encode()
    return "complete_ruled", [child.job_id, child.fence, details]


def of_parent(bench: Bench) -> Call:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    bench.queue.add([bench.new(parent_id=parent_id)], parent_fence=parent.fence.decode())
    return "wait_for_children", [parent_id, parent.fence]


def renewed(bench: Bench) -> Call:
    bench.add()
    job = bench.take()
    return "renew", [HOUR_MS, job.job_id, job.fence]


def reclaimed(bench: Bench) -> Call:
    bench.add()
    bench.take()
    return "reclaim", ["worker", HOUR_MS, 0]


def of_dead(name: str) -> Callable[[Bench], Call]:
    def make(bench: Bench) -> Call:
        job_id = bench.add()
        bench.run("dead_letter", job_id, bench.take().fence, LINE, "bad")
        return name, [job_id]

    return make


def of_delayed(name: str) -> Callable[[Bench], Call]:
    return lambda bench: (name, [bench.add(delay_ms=HOUR_MS)])


def of_running(name: str) -> Callable[[Bench], Call]:
    def make(bench: Bench) -> Call:
        bench.add()
        return name, [bench.take().job_id]

    return make


def limited(bench: Bench) -> Call:
    bench.queue.set_limit("line", Limit(at_once=1))
    for _ in range(3):
        bench.add(limit_keys=("line",))
    bench.fetch(3)
    return "set_limit", ["line", "0", 1, 5, 0]


CALLS: dict[str, Callable[[Bench], Call]] = {
    "add": plain_add,
    "add_one": single_add,
    "add_ruled": ruled_add,
    "browse": lambda _bench: ("browse", ["waiting", 10, 100, "", 0, "", ""]),
    "cancel a delayed job": of_delayed("cancel"),
    "cancel a running job": of_running("cancel"),
    "complete": of_held("complete"),
    "complete_ruled": of_child,
    "dead_letter": of_held("dead_letter", LINE, "bad"),
    "defer": of_held("defer", 99_999_999_999_999, "later"),
    "defer until now": of_held("defer", 0, "now"),
    "end_cancelled": of_held("end_cancelled"),
    "ended": lambda bench: ("ended", [bench.add()]),
    "events_kept": lambda _bench: ("events_kept", []),
    "hand_back": of_held("hand_back"),
    "inspect": lambda bench: ("inspect", [bench.add()]),
    "known": lambda bench: ("known", [bench.add()]),
    "log": of_held("log", "one line"),
    "pause": lambda _bench: ("pause", [1]),
    "pause, its end": lambda _bench: ("pause", [0]),
    "pause_key": lambda _bench: ("pause_key", ["line", 99_999_999_999_999]),
    "promote_now": of_delayed("promote_now"),
    "reclaim": reclaimed,
    "remove": of_dead("remove"),
    "renew": renewed,
    "retry": of_held("retry", 1_000, LINE, "bad"),
    "retry at once": of_held("retry", 0, LINE, "bad"),
    "retry_dead": of_dead("retry_dead"),
    "set_limit": limited,
    "set_progress": of_held("set_progress", b'{"checked":1}'),
    "stats": lambda _bench: ("stats", []),
    "wait_for_children": of_parent,
}


@pytest.mark.parametrize("make", CALLS.values(), ids=CALLS.keys())
def test_a_script_that_is_sent_twice_changes_nothing_the_second_time(
    bench: Bench, make: Callable[[Bench], Call]
) -> None:
    name, arguments = make(bench)
    bench.run(name, *arguments)
    once = state(bench)
    bench.run(name, *arguments)
    assert state(bench) == once


def test_every_script_is_either_repeatable_or_marked() -> None:
    names = {path.stem for path in Path(scripts.__file__).with_name("scripts").glob("*.lua")}
    once = {name for name in names if script(name).once}
    assert once == {"fetch"}
    assert {name.split()[0].rstrip(",") for name in CALLS} == names - once


@pytest.fixture
def proxy(redis_server: RedisServer, redis_url: str) -> Iterator[LosingProxy]:
    with LosingProxy(redis_server.port) as made:
        yield made


@pytest.fixture
def remote(proxy: LosingProxy, bench: Bench) -> JobQueue:
    """The bench's queue over the way on which answers get lost; Redis knows the scripts."""
    queue = JobQueue(connect_redis(Settings(redis_url=Secret(proxy.url))), bench.queue.name)
    queue.scripts.run("fetch", 0, "nobody", HOUR_MS, 0)
    queue.add([bench.new(job_id="first")])
    bench.queue.cancel("first")
    return queue


def test_an_add_whose_answer_is_lost_is_sent_again_and_adds_one_job(
    bench: Bench, proxy: LosingProxy, remote: JobQueue
) -> None:
    proxy.lose_answer_to(script("add_one").sha.encode())
    (added,) = remote.add([bench.new(job_id="second")])
    assert added.job_id == "second"
    assert remote.stats().counts["waiting"] == 1
    assert remote.stats().totals["added"] == 2


def test_a_fetch_whose_answer_is_lost_is_not_sent_again(bench: Bench, proxy: LosingProxy, remote: JobQueue) -> None:
    bench.add()
    bench.add()
    proxy.requests.clear()
    proxy.lose_answer_to(script("fetch").sha.encode())
    with pytest.raises(StoreUnavailable):
        remote.scripts.run("fetch", 1, "worker", HOUR_MS, 0)
    assert proxy.requests_with(script("fetch").sha.encode()) == 1
    wait_until(lambda: bench.queue.stats().counts["active"] == 1, message="the fetch was carried out")


def test_jobs_of_a_lost_answer_come_with_the_next_fetch_and_nothing_is_counted_against_them(
    bench: Bench, proxy: LosingProxy, remote: JobQueue
) -> None:
    keeper = LeaseKeeper(remote.scripts, lease_ms=HOUR_MS)
    fetcher = Fetcher(remote.scripts, keeper, worker="worker", lease_ms=HOUR_MS)
    ids = [bench.add() for _ in range(5)]
    (held,) = fetcher.fetch(1).jobs
    keeper.hold(held)
    (another_s,) = bench.fetch(1, worker="another")
    proxy.lose_answer_to(script("fetch").sha.encode())
    with pytest.raises(StoreUnavailable):
        fetcher.fetch(2)
    wait_until(lambda: bench.queue.stats().counts["active"] == 4, message="the fetch was carried out")

    again = fetcher.fetch(5).jobs
    assert {job.job_id for job in again} == set(ids) - {held.job_id, another_s.job_id}
    assert [job.attempt for job in again] == [1, 1, 1]
    assert bench.queue.stats().totals["stalled"] == 0
    assert bench.run("renew", HOUR_MS, held.job_id, held.fence, another_s.job_id, another_s.fence) == [[], []]


def test_a_suspect_in_a_lost_answer_is_not_given_up_for_dead(
    bench: Bench, proxy: LosingProxy, remote: JobQueue
) -> None:
    """It would be, on the third lost lease, although it never ran under this one."""
    job_id = bench.add()
    for _ in range(2):
        bench.fall_silent(bench.take(job_id))
    keeper = LeaseKeeper(remote.scripts, lease_ms=HOUR_MS)
    fetcher = Fetcher(remote.scripts, keeper, worker="worker", lease_ms=HOUR_MS)
    proxy.lose_answer_to(script("fetch").sha.encode())
    with pytest.raises(StoreUnavailable):
        fetcher.fetch(1)
    wait_until(lambda: bench.queue.stats().counts["active"] == 1, message="the fetch was carried out")
    assert [job.job_id for job in fetcher.fetch(1).jobs] == [job_id]
