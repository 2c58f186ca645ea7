"""What the scheduler counts and measures."""

from prometheus_client import Counter, Histogram

TICKS = Counter("tuco_schedule_ticks_total", "Ticks decided by this scheduler, by outcome", ["schedule", "outcome"])
LATENESS_SECONDS = Histogram(
    "tuco_schedule_lateness_seconds",
    "How long after its moment a tick was emitted",
    ["schedule"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
