"""From counts that several processes report to a rate, without the time that they took to start."""

from collections.abc import Iterable

from benchmarks.queue.reports import Ran


def drain_rate(reports: Iterable[Ran], *, jobs: int, processes: int, warm_up: int) -> float:
    """Jobs per second, from the moment when every process has run its warm-up until the last job.

    Args:
        reports: the counts as they come in; read no further than needed.
        jobs: how many jobs there are in all.
        processes: how many processes share them.
        warm_up: how many jobs each process runs before the clock runs.

    Raises:
        ValueError: the reports ended before the jobs did, or the jobs before the warm-up did.
    """
    latest: dict[int, Ran] = {}
    begun: tuple[int, int] | None = None
    for report in reports:
        latest[report.process] = report
        done = sum(each.count for each in latest.values())
        last_us = max(each.last_us for each in latest.values())
        if begun is None and sum(each.count >= warm_up for each in latest.values()) >= processes:
            begun = done, last_us
        if done >= jobs:
            if begun is None or begun[0] >= done:
                raise ValueError(f"{jobs} jobs were gone before {processes} processes had run {warm_up} each")
            return (done - begun[0]) / ((last_us - begun[1]) / 1_000_000)
    raise ValueError("the jobs did not end")
