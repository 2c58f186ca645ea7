"""What is measured, row by row: each row is a function from a peer to numbers.

Every row starts from an empty Redis and from fresh processes, and leaves out the time that processes take to start.
"""

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import quantiles
from typing import Protocol

import psutil

from benchmarks.queue.peers.peer import JobKind
from benchmarks.queue.processes import Contestant, NothingHappenedError, Workers, producer, workers
from benchmarks.queue.window import drain_rate

DATA = {
    "messageId": "65f1c0ffee65f1c0ffee65f1",
    "workspaceId": "workspace-0",
    "text": "Hi Ada, this is Sam from Tuco. You asked us to call back about the plan for your team; is Tuesday good?",
}
"""About 200 bytes as JSON."""

_DRAIN_DEADLINE_S = 600.0
_SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; a slower peer gets its share of it.

    Args:
        enqueue_one: jobs added one by one.
        enqueue_bulk: jobs added in bulk.
        drain: jobs drained by each process.
        pings: jobs sent to an idle worker.
        sleeps: jobs that wait 20 ms.
        backlog_slice: jobs drained on top of a backlog.
        memory: jobs whose memory is measured.
        recovery_limit_s: how long to wait for a job whose worker was killed.
    """

    enqueue_one: int = 20_000
    enqueue_bulk: int = 200_000
    drain: int = 100_000
    pings: int = 200
    sleeps: int = 10_000
    backlog_slice: int = 60_000
    memory: int = 50_000
    recovery_limit_s: float = 120.0


QUICK = Sizes(
    enqueue_one=2_000,
    enqueue_bulk=20_000,
    drain=20_000,
    pings=20,
    sleeps=1_000,
    backlog_slice=10_000,
    memory=5_000,
    recovery_limit_s=40.0,
)


class Redis(Protocol):
    """The Redis that everyone uses, as far as measurements need it."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    def empty(self) -> None:
        """Deletes everything."""
        ...

    def used_bytes(self) -> int:
        """The memory that its data take."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a measurement takes place.

    Args:
        redis: the Redis.
        sizes: how much.
    """

    redis: Redis
    sizes: Sizes


Numbers = Mapping[str, float]
"""What a measurement found, by row."""

Measure = Callable[[Contestant, Setting], Numbers]


def enqueue_one(peer: Contestant, at: Setting) -> Numbers:
    """Jobs a second when each is added, and known to be stored, before the next."""
    count = _part(at.sizes.enqueue_one, max(peer.share, 0.2))
    with producer(peer, at.redis.url, DATA) as jobs:
        return {"enqueue_one": count / jobs.enqueue(count, in_bulk=False, warm_up=2_000)}


def enqueue_bulk(peer: Contestant, at: Setting) -> Numbers:
    """Jobs a second by the call that is meant for many."""
    if not peer.has_bulk:
        return {}
    count = _part(at.sizes.enqueue_bulk, peer.share)
    with producer(peer, at.redis.url, DATA) as jobs:
        return {"enqueue_bulk": count / jobs.enqueue(count, warm_up=count // 10)}


def drain(peer: Contestant, at: Setting, *, processes: int) -> Numbers:
    """Empty jobs a second, from a queue that was filled before."""
    count = _part(at.sizes.drain * processes, peer.share)
    return {f"drain_{processes}": _drained(peer, at, count, processes=processes)}


def pickup(peer: Contestant, at: Setting) -> Numbers:
    """Milliseconds from the call that adds a job to its start in an idle worker."""
    rng = random.Random(20)
    with (
        producer(peer, at.redis.url, DATA) as jobs,
        workers(peer, at.redis.url, 1, JobKind.PING) as idle,
    ):
        _await_idle(jobs.ping, idle)
        waits_ms = []
        for _ in range(at.sizes.pings):
            time.sleep(rng.uniform(0.02, 0.2))
            jobs.ping()
            waits_ms.append(idle.await_ping().after_us / 1000)
    cuts = quantiles(waits_ms, n=100, method="inclusive")
    return {"pickup_p50_ms": cuts[49], "pickup_p99_ms": cuts[98], "pickup_max_ms": max(waits_ms)}


def io_20ms_async(peer: Contestant, at: Setting) -> Numbers:
    """Jobs a second that wait 20 ms each, 100 at once in one process."""
    count = _part(at.sizes.sleeps, 1 if peer.concurrent else 0.02)
    return {"io_20ms_async": _drained(peer, at, count, kind=JobKind.SLEEP, concurrency=100)}


def recovery(peer: Contestant, at: Setting) -> Numbers:
    """Seconds from the kill -9 of a worker until the job that it was running starts in the other, idle one."""
    with (
        producer(peer, at.redis.url, DATA) as jobs,
        workers(peer, at.redis.url, 2, JobKind.HOLD) as pair,
    ):
        pair.go()
        time.sleep(_SETTLE_S)
        jobs.ping()
        victim = pair.await_started().process
        time.sleep(_SETTLE_S)
        killed_at = time.monotonic()
        pair.kill(victim)
        try:
            pair.await_started(other_than=victim, within_s=at.sizes.recovery_limit_s)
        except NothingHappenedError:
            return {"recovery_s": math.inf}
        return {"recovery_s": time.monotonic() - killed_at}


def idle_memory(peer: Contestant, at: Setting) -> Numbers:
    """Megabytes of resident memory of a worker, with its children, after its first job."""
    with (
        producer(peer, at.redis.url, DATA) as jobs,
        workers(peer, at.redis.url, 1, JobKind.PING) as idle,
    ):
        _await_idle(jobs.ping, idle)
        time.sleep(_SETTLE_S)
        process = psutil.Process(idle.process_ids[0])
        everyone = [process, *process.children(recursive=True)]
        return {"idle_worker_memory_mb": sum(each.memory_info().rss for each in everyone) / 1_000_000}


def bytes_per_job(peer: Contestant, at: Setting) -> Numbers:
    """Bytes of Redis's memory that each further waiting job takes."""
    count = _part(at.sizes.memory, max(peer.share, 0.2))
    with producer(peer, at.redis.url, DATA) as jobs:
        jobs.enqueue(count)
        before = at.redis.used_bytes()
        jobs.enqueue(count)
        return {"redis_bytes_per_waiting_job": (at.redis.used_bytes() - before) / count}


def backlog(peer: Contestant, at: Setting, *, jobs_waiting: int, name: str) -> Numbers:
    """Empty jobs a second with one process while at least so many others wait."""
    sliced = _part(at.sizes.backlog_slice, peer.share)
    with producer(peer, at.redis.url, DATA) as jobs:
        filled_s = jobs.enqueue(jobs_waiting + sliced)
    rate = _drained(peer, at, sliced, filled=True)
    return {f"backlog_{name}": rate, f"backlog_{name}_fill_s": filled_s}


def groups(peer: Contestant, at: Setting, *, count: int) -> Numbers:
    """Empty jobs a second with one process, from so many groups in turn."""
    return {f"groups_{count}": _drained(peer, at, _part(at.sizes.drain, peer.share), groups=count)}


def _drained(
    peer: Contestant,
    at: Setting,
    jobs: int,
    *,
    processes: int = 1,
    kind: JobKind = JobKind.COUNT,
    concurrency: int = 1,
    groups: int = 1,
    filled: bool = False,
) -> float:
    if not filled:
        with producer(peer, at.redis.url, DATA) as adding:
            adding.enqueue(jobs, groups=groups)
    with workers(peer, at.redis.url, processes, kind, concurrency=concurrency) as busy:
        busy.go()
        reports = busy.counts(within_s=_DRAIN_DEADLINE_S)
        return drain_rate(reports, jobs=jobs, processes=processes, warm_up=jobs // processes // 20)


def _await_idle(ping: Callable[[], None], idle: Workers) -> None:
    """Lets a worker begin and waits until it has nothing to do any more."""
    idle.go()
    ping()
    idle.await_ping()
    time.sleep(_SETTLE_S)


def _part(whole: int, share: float) -> int:
    return max(100, round(whole * share))
