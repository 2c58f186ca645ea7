"""A job as the gateway shows it, and how commands show it to a person."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.output import facts, plain, table

FINAL_STATES = frozenset({"completed", "failed", "cancelled"})
"""How a job can have ended."""

_STYLES = {"completed": "green", "failed": "red", "cancelled": "yellow", "active": "cyan"}
_DONE_NAMES = ("checked", "fetched", "done", "processed")


class AttemptAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One run that did not complete the job."""

    number: int = 0
    outcome: str = ""
    error: str = ""
    worker: str = ""
    started_at: str = ""


class JobAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What ``GET /jobs/{id}`` says of a job; fields that are not named here are ignored."""

    job_id: str
    state: str
    job_type: str = ""
    queue: str = ""
    reason: str | None = None
    progress: Mapping[str, Any] | None = None
    result: Any = None
    error: Any = None
    attempts_made: int = 0
    attempts: tuple[AttemptAnswer, ...] = ()
    children: Mapping[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self.state in FINAL_STATES

    @property
    def succeeded(self) -> bool:
        """Whether it has completed."""
        return self.state == "completed"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is.

    Args:
        done: units done.
        total: units in all; None where nobody knows yet.
        counts: the done units by outcome.
    """

    done: int = 0
    total: int | None = None
    counts: Mapping[str, int] = {}


def read_job(answer: Mapping[str, Any]) -> JobAnswer:
    """The gateway's answer as typed data.

    Raises:
        msgspec.ValidationError: it is no job.
    """
    return msgspec.convert(answer, JobAnswer)


def progress_of(job: JobAnswer) -> Progress:
    """What a job's free-form progress says, read by the names that our job types use."""
    numbers = {name: value for name, value in (job.progress or {}).items() if type(value) is int}
    total = numbers.pop("total", None)
    done = next((numbers.pop(name) for name in _DONE_NAMES if name in numbers), 0)
    return Progress(done=done, total=total, counts=numbers)


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Counts on one line, without those that are zero: ``available 120 · invalid 3``."""
    return " · ".join(f"{plain(name, longest=40)} {number:,}" for name, number in counts.items() if number)


def job_view(job: JobAnswer) -> RenderableType:
    """A job for a person."""
    progress = progress_of(job)
    how_far = f"{progress.done:,} of {progress.total:,}" if progress.total is not None else None
    if how_far and (counts := counts_in_words(progress.counts)):
        how_far = f"{how_far} ({counts})"
    parts: list[RenderableType] = [
        Text.assemble("job ", (plain(job.job_id), "bold"), " ", (job.state, _STYLES.get(job.state, "bold"))),
        facts(
            {
                "type": job.job_type or None,
                "queue": job.queue or None,
                "reason": job.reason,
                "progress": how_far,
                "attempts": job.attempts_made or None,
                "error": job.error,
            }
        ),
    ]
    if job.attempts:
        failed = table("attempt", "outcome", "error", "worker", numbers=("attempt",))
        for attempt in job.attempts:
            failed.add_row(
                str(attempt.number), plain(attempt.outcome), plain(attempt.error, longest=300), plain(attempt.worker)
            )
        parts.append(failed)
    if job.result is not None:
        parts.append(result_view(job.result))
    return Group(*parts)


def result_view(result: object) -> RenderableType:
    """A job's result for a person: an object of plain values as a list, anything else as JSON."""
    if isinstance(result, Mapping) and not any(isinstance(value, list | dict) for value in result.values()):
        return facts({str(name): value for name, value in result.items()})
    return Text(plain(msgspec.json.format(msgspec.json.encode(result)).decode(), longest=20_000))
