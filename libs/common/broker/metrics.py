"""What a worker tells Prometheus about the jobs that it settles."""

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import Counter, Histogram

from libs.common.broker.held_job import HeldJob

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


def observe_settled(queue: str, jobs: Sequence[HeldJob]) -> None:
    """Counts jobs that were settled on one queue."""
    tally: Tally[tuple[str, str]] = Tally()
    attempts: Tally[str] = Tally()
    wait = WAIT.labels(queue)
    for job in jobs:
        job_type = job.actor_name
        tally[job_type, type(job.outcome).__name__] += 1
        attempts[job_type] += 1
        RUN.labels(queue, job_type).observe(job.duration_ms / 1000)
        if job.attempt == 1:
            ready_ms = job.message_timestamp + job.options.get("delay_ms", 0)
            wait.observe(max(0, job.started_ms - ready_ms) / 1000)
    for (job_type, outcome), number in tally.items():
        JOBS.labels(queue, job_type, _WORDS.get(outcome, outcome)).inc(number)
    for job_type, number in attempts.items():
        ATTEMPTS.labels(queue, job_type).inc(number)


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
