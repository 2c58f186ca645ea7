"""What the scheduler counts and measures."""

from collections.abc import Iterable

from prometheus_client import Counter, Histogram

from libs.common.stores.ticks import TickOutcome

TICKS = Counter("tuco_schedule_ticks_total", "Ticks decided by this scheduler, by outcome", ["schedule", "outcome"])
LATENESS_SECONDS = Histogram(
    "tuco_schedule_lateness_seconds",
    "How long after its moment a tick was emitted",
    ["schedule"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)


def expect_ticks(schedules: Iterable[str]) -> None:
    """Shows the metrics of these schedules from now on, at 0, so that the first tick of each kind is seen as one."""
    for schedule in schedules:
        LATENESS_SECONDS.labels(schedule)
        for outcome in TickOutcome:
            TICKS.labels(schedule, outcome.value)
