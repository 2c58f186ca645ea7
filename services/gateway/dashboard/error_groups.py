"""Dead letters grouped by what killed them: errors that differ only in ids, numbers and quotes are one. No I/O."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.common.broker.model import JobView

_VARIABLE: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "…"),
    (re.compile(r"\b(?=[0-9a-z]*\d)[0-9a-z]{16,}\b", re.IGNORECASE), "…"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:?\d\d)?"), "…"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "…"),
    (re.compile(r"\+?\d[\d.,:]*"), "#"),
)
_SHORTEST_NAME: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Dead letters that died of the same.

    Args:
        key: names the group in requests.
        queue: their queue.
        job_type: what they are.
        pattern: their error, without what differs.
        example: the error of the newest.
        jobs: the dead letters, newest first.
        first_at: when the first of them died.
        last_at: when the last did.
        workspaces: whose they are.
    """

    key: str
    queue: str
    job_type: str
    pattern: str
    example: str
    jobs: Sequence[JobView]
    first_at: datetime
    last_at: datetime
    workspaces: Sequence[str]


def error_of(job: JobView) -> str:
    """What killed a dead letter."""
    last = job.attempts[-1].error if job.attempts else ""
    return last or job.reason or "no error was kept"


def pattern_of(error: str, *, workspace: str = "") -> str:
    """An error without what differs from one job to the next, such as the name of its workspace."""
    text = " ".join(error.split())[:300]
    if len(workspace) >= _SHORTEST_NAME:
        text = text.replace(workspace, "…")
    for variable, stand_in in _VARIABLE:
        text = variable.sub(stand_in, text)
    return text


def key_of(job: JobView) -> str:
    """Names the group that a dead letter belongs to."""
    parts = "\x00".join((job.queue, job.job_type, pattern_of(error_of(job), workspace=job.group)))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def grouped(jobs: Iterable[JobView]) -> list[ErrorGroup]:
    """The groups of these dead letters, the largest first."""
    by_key: dict[str, list[JobView]] = {}
    for job in jobs:
        by_key.setdefault(key_of(job), []).append(job)
    groups = [_group(key, members) for key, members in by_key.items()]
    return sorted(groups, key=lambda group: (-len(group.jobs), -group.last_at.timestamp()))


def _group(key: str, jobs: Sequence[JobView]) -> ErrorGroup:
    newest_first = sorted(jobs, key=_died_at, reverse=True)
    newest = newest_first[0]
    return ErrorGroup(
        key=key,
        queue=newest.queue,
        job_type=newest.job_type,
        pattern=pattern_of(error_of(newest), workspace=newest.group),
        example=error_of(newest),
        jobs=newest_first,
        first_at=_died_at(newest_first[-1]),
        last_at=_died_at(newest),
        workspaces=sorted({job.group for job in jobs if job.group}),
    )


def _died_at(job: JobView) -> datetime:
    return job.finished_at or job.created_at
