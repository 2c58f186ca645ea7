"""Which rows there are to measure, for whom, and in which order."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from benchmarks.queue import rows
from benchmarks.queue.facts import OURS
from benchmarks.queue.results import BASELINE
from benchmarks.queue.rows import Measure


@dataclass(frozen=True, slots=True)
class Entry:
    """One measurement.

    Args:
        name: what it is called on the command line; its rows begin with it.
        measure: does it.
        only: the peers that take part; all where nothing is named.
        side_by_side: whether the peers are measured at the same time, because they do nothing but wait.
        rounds: how often at most.
        long: whether it takes a while however few jobs are measured.
    """

    name: str
    measure: Measure
    only: Collection[str] = ()
    side_by_side: bool = False
    rounds: int = 1_000
    long: bool = False


def entries(*, ten_million: bool) -> list[Entry]:
    """All measurements, in order.

    A million jobs are filled in by those alone that have done so in half a minute; groups are ours alone (BullMQ has
    them in its paid edition).

    Args:
        ten_million: whether to measure with ten million jobs waiting, which takes minutes and 6 GB of memory.
    """
    among = (OURS, BASELINE)
    plan = [
        Entry("enqueue_one", rows.enqueue_one),
        Entry("enqueue_bulk", rows.enqueue_bulk),
        Entry("drain_1", partial(rows.drain, processes=1)),
        Entry("drain_3", partial(rows.drain, processes=3)),
        Entry("pickup", rows.pickup),
        Entry("io_20ms_async", rows.io_20ms_async),
        Entry("recovery", rows.recovery, side_by_side=True, long=True),
        Entry("idle_worker_memory", rows.idle_memory),
        Entry("redis_bytes_per_waiting_job", rows.bytes_per_job),
        Entry("backlog_10k", partial(rows.backlog, jobs_waiting=10_000, name="10k"), only=among),
        Entry("backlog_1m", partial(rows.backlog, jobs_waiting=1_000_000, name="1m"), only=among, long=True),
        *(Entry(f"groups_{count}", partial(rows.groups, count=count), only=(OURS,)) for count in (1, 100, 10_000)),
    ]
    if ten_million:
        ten = partial(rows.backlog, jobs_waiting=10_000_000, name="10m")
        plan.append(Entry("backlog_10m", ten, only=(OURS,), rounds=1, long=True))
    return plan
