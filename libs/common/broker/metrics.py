"""What a worker tells Prometheus about the jobs that it settles."""

import time
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from functools import lru_cache

from prometheus_client import Counter, Histogram

from libs.common.broker.held_job import HeldJob
from libs.common.broker.outcome import Outcome

JOBS = Counter("tuco_jobs", "Runs of jobs, by how they ended.", ["queue", "job_type", "outcome"])
WAIT = Histogram(
    "tuco_job_wait_seconds",
    "From the moment a job could run to its first start.",
    ["queue"],
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200),
)
RUN = Histogram(
    "tuco_job_run_seconds",
    "How long runs of jobs took.",
    ["queue", "job_type"],
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)
ATTEMPTS = Counter("tuco_job_attempts", "Attempts that were begun.", ["queue", "job_type"])
LATE = Counter("tuco_late_acknowledgements_refused", "Outcomes that came after the lease was lost.", ["queue"])


_WORDS = {
    "Completed": "completed",
    "RetryLater": "retried",
    "Deferred": "deferred",
    "Dead": "failed",
    "WaitsForChildren": "waiting-children",
    "Cancelled": "cancelled",
    "HandedBack": "handed-back",
    "Lost": "lease-lost",
}


class _Meter:
    """The metrics of one queue and job type, found once: ``labels`` costs more than the observation."""

    def __init__(self, queue: str, job_type: str) -> None:
        self.wait = WAIT.labels(queue)
        self.run = RUN.labels(queue, job_type)
        self.attempts = ATTEMPTS.labels(queue, job_type)
        self.jobs = {kind: JOBS.labels(queue, job_type, word) for kind, word in _WORDS.items()}


def outcome_word(outcome: Outcome) -> str:
    """How metrics and traces call an outcome."""
    return _WORDS[type(outcome).__name__]


def expect_jobs(queue: str, job_types: Iterable[str]) -> None:
    """Shows a queue's metrics from now on, at 0, so that the first event of each kind is seen as one."""
    LATE.labels(queue)
    for job_type in job_types:
        _meter(queue, job_type)


@lru_cache(maxsize=1_000)
def _meter(queue: str, job_type: str) -> _Meter:
    return _Meter(queue, job_type)


def observe_settled(queue: str, jobs: Sequence[HeldJob]) -> None:
    """Counts jobs that were settled on one queue."""
    now = time.monotonic()
    tally = Tally([(job.actor_name, type(job.outcome).__name__) for job in jobs])
    for (job_type, kind), number in tally.items():
        meter = _meter(queue, job_type)
        meter.attempts.inc(number)
        meter.jobs[kind].inc(number)
    for job in jobs:
        meter = _meter(queue, job.actor_name)
        meter.run.observe(now - job.started)
        if job.attempt == 1:
            ready_ms = job.message_timestamp + job.options.get("delay_ms", 0)
            meter.wait.observe(max(0, job.started_ms - ready_ms) / 1000)
