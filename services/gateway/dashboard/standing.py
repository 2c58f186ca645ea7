"""Why a job is not running now, in a sentence. No I/O."""

from datetime import datetime

from libs.common.broker.model import QueueStats
from services.gateway.dashboard.words import moment, number, some, span
from services.gateway.job_view import JobAnswer


def standing(
    job: JobAnswer,
    queue: QueueStats | None,
    *,
    now: datetime,
    max_attempts: int | None = None,
    workers: int | None = None,
) -> str:
    """What a job does now, or what it waits for.

    Args:
        job: the job.
        queue: its queue in numbers; ``None`` where Redis cannot be asked.
        now: the current moment.
        max_attempts: how often it may run, where that is known.
        workers: how many workers serve its queue, where that is known.
    """
    of = f" of {max_attempts}" if max_attempts else ""
    match job.state:
        case "active":
            return f"It runs now, attempt {job.attempts_made or 1}{of}" + (f", on {job.worker}." if job.worker else ".")
        case "delayed" if job.not_before:
            when = f"It may start {moment(job.not_before, now)}"
            if job.attempts and job.attempts_made and job.reason == job.attempts[-1].error:
                return f"Attempt {job.attempts_made}{of} failed. {when}, as attempt {job.attempts_made + 1}."
            return f"{when}: {job.reason}." if job.reason else f"{when}, as was asked for."
        case "waiting-children":
            pending = job.children.pending if job.children else 0
            return f"It goes on when its children have ended; {some(pending, 'child has', 'children have')} not yet."
        case "paused":
            return "It does not start because its queue is paused."
        case "waiting" | "prioritized":
            return _in_line(queue, workers)
        case "failed":
            return f"It is a dead letter. {_plain(job.reason or job.error or 'It failed')}."
        case "accepted" if job.in_queue is None:
            return "It is accepted, and enqueued as soon as Redis is back."
        case "accepted":
            return "It is accepted, but the queue does not have it yet; the reconciler enqueues it within seconds."
        case "completed" if job.finished_at:
            return f"It completed {moment(job.finished_at, now)}."
        case "cancelled":
            return "A person cancelled it."
    return f"It is {job.state}."


def _plain(error: str) -> str:
    """An error without the name of its class, where that says nothing more."""
    for name in ("Permanent: ", "Retryable: "):
        error = error.removeprefix(name)
    return error[:1].upper() + error[1:].rstrip(".")


def _in_line(queue: QueueStats | None, workers: int | None) -> str:
    if queue is None:
        return "It is in line."
    if workers == 0:
        return "It is in line, but no worker serves this queue: none has said within 20 seconds that it lives."
    running = queue.counts.get("active", 0)
    waiting = queue.counts.get("waiting", 0) + queue.counts.get("prioritized", 0)
    if not running and queue.oldest_waiting_seconds > 10:
        return f"It is in line, but nobody takes jobs: the oldest has waited {span(queue.oldest_waiting_seconds)}."
    return f"It is in line: {number(waiting)} waiting in this queue, {number(running)} running."
