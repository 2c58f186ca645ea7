"""How fast queues go: what happened between two looks at counters, and quantiles of histograms. No I/O."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from libs.common.broker.model import QueueStats
from libs.common.worker.heartbeat import Buckets, WorkerSeen

_ENDED: Final = ("completed", "failed", "cancelled")


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look.

    Args:
        at_s: when, in seconds of a clock that only goes forward.
        queues: each queue by its name.
        workers: each worker that lives by its name.
    """

    at_s: float
    queues: Mapping[str, QueueStats]
    workers: Mapping[str, WorkerSeen]


class QueueRates(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How fast a queue goes, over the last minute; ``None`` where nothing tells.

    Args:
        added_per_second: jobs that came in.
        ended_per_second: jobs that completed, became dead letters or were cancelled.
        wait_p50_seconds: half of the jobs waited no longer before their first start.
        wait_p95_seconds: 95 of 100 waited no longer.
        run_p50_seconds: half of the runs took no longer.
        run_p95_seconds: 95 of 100 took no longer.
        workers: the workers that serve the queue.
    """

    added_per_second: float | None = None
    ended_per_second: float | None = None
    wait_p50_seconds: float | None = None
    wait_p95_seconds: float | None = None
    run_p50_seconds: float | None = None
    run_p95_seconds: float | None = None
    workers: int = 0


def rates_between(earlier: Sample | None, later: Sample, queue: str) -> QueueRates:
    """How fast a queue went from one look to the other."""
    workers = sum(queue in worker.said.queues for worker in later.workers.values())
    if earlier is None or later.at_s <= earlier.at_s or queue not in earlier.queues:
        return QueueRates(workers=workers)
    before, after = earlier.queues[queue].totals, later.queues[queue].totals
    seconds = later.at_s - earlier.at_s
    waits = _observed(earlier, later, lambda worker: worker.said.waits.get(queue, {}))
    runs = _observed(earlier, later, lambda worker: worker.said.runs.get(queue, {}))
    return QueueRates(
        added_per_second=_rate(before, after, ["added"], seconds),
        ended_per_second=_rate(before, after, _ENDED, seconds),
        wait_p50_seconds=quantile(waits, 0.5),
        wait_p95_seconds=quantile(waits, 0.95),
        run_p50_seconds=quantile(runs, 0.5),
        run_p95_seconds=quantile(runs, 0.95),
        workers=workers,
    )


def quantile(buckets: Buckets, share: float) -> float | None:
    """The value that ``share`` of all observations do not exceed, evenly spread within a bucket; ``None`` of none.

    As Prometheus's ``histogram_quantile`` does it; beyond the last bound it answers that bound.
    """
    bounds = sorted((float(bound), count) for bound, count in buckets.items())
    total = bounds[-1][1] if bounds else 0
    if total <= 0:
        return None
    wanted, lower, below = share * total, 0.0, 0.0
    for bound, count in bounds:
        if count >= wanted:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * ((wanted - below) / (count - below) if count > below else 1.0)
        lower, below = bound, count
    return lower


def _rate(before: Mapping[str, int], after: Mapping[str, int], names: Iterable[str], seconds: float) -> float:
    # A queue whose counters went back is a new one: Redis lost its data in between.
    gained = sum(max(0, after.get(name, 0) - before.get(name, 0)) for name in names)
    return round(gained / seconds, 3)


def _observed(earlier: Sample, later: Sample, buckets_of: Callable[[WorkerSeen], Buckets]) -> Buckets:
    """What all workers together observed between two looks; a worker that is new counts from its start."""
    added: dict[str, float] = defaultdict(float)
    for name, worker in later.workers.items():
        before = buckets_of(earlier.workers[name]) if name in earlier.workers else {}
        for bound, count in buckets_of(worker).items():
            added[bound] += max(0.0, count - before.get(bound, 0))
    return added
