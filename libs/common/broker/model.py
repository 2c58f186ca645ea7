"""The data that go into a queue and come out of it.

What comes by the thousand is made with ``gc=False``: it is never part of a cycle, and looking for cycles among the jobs
of a few large batches took a quarter of their time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from libs.common.jobs.states import JobState


class JobOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """What may be chosen per job; where nothing is chosen the job type's defaults hold."""

    priority: int = 0
    """0: none. 1 runs first, larger numbers later, all of them before jobs without one of the same workspace."""
    delay_ms: int = 0
    """Milliseconds from now before the job may start."""
    max_attempts: int | None = None
    """How often the job runs before it is a dead letter."""
    backoff_ms: int | None = None
    """The first pause between attempts, in milliseconds."""


class UniqueMode(StrEnum):
    """What becomes of a new job whose unique key is held by another."""

    KEEP = "keep"
    """The holder stands for both; nothing is added."""
    REPLACE = "replace"
    """The holder is dropped for the new one, unless it runs: then it stands for both."""
    LATEST = "latest"
    """As replace; and while the holder runs, the newest of those that came meanwhile runs next."""


class UniqueUntil(StrEnum):
    """How long a job holds its unique key."""

    ENDED = "ended"
    STARTED = "started"
    TIME = "time"


class ChildFailure(StrEnum):
    """What a parent does when one of its children is a dead letter."""

    IGNORE = "ignore"
    """It counts as ended; the parent goes on when all have."""
    FAIL = "fail"
    """The parent is a dead letter too."""
    WAIT = "wait"
    """The parent waits until a person has retried or removed it."""


class NewJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job to add to a queue.

    Args:
        job_id: its identity; adding a known id again changes nothing.
        job_type: the actor that runs it.
        data: the payload as it goes over the wire.
        group: whose turn it uses (a workspace); jobs of a queue are taken round-robin over groups.
        options: what was chosen for this job.
        max_attempts: how often it runs before it is a dead letter.
        unique_key: what only one job may hold; ``None`` for no such rule.
        unique_mode: what becomes of this job where the key is held.
        unique_until: how long this job holds it.
        unique_ms: for how long, in milliseconds, where it is held for a time.
        parent_id: the job, in the same queue, that waits for this one.
        on_failure: what the parent does if this job is a dead letter.
        limit_keys: the limits that it runs under (:meth:`JobQueue.set_limit`).
        in_ledger: whether the ledger holds the job and must learn its end.
        data_in_ledger: whether the payload is in the ledger instead of ``data``.
        keep_count: how many finished jobs of the queue stay visible.
        keep_ms: for how long, in milliseconds; 0 forgets the job as soon as it has completed.
        args: positional arguments, for actors that were not declared with a contract.
        message_options: further options for Dramatiq's middleware.
    """

    job_id: str
    job_type: str
    data: Mapping[str, Any]
    group: str = ""
    options: JobOptions = JobOptions()
    max_attempts: int = 5
    unique_key: str | None = None
    unique_mode: UniqueMode = UniqueMode.KEEP
    unique_until: UniqueUntil = UniqueUntil.ENDED
    unique_ms: int = 0
    parent_id: str | None = None
    on_failure: ChildFailure = ChildFailure.IGNORE
    limit_keys: tuple[str, ...] = ()
    in_ledger: bool = False
    data_in_ledger: bool = False
    keep_count: int = 1_000
    keep_ms: int = 86_400_000
    args: tuple[Any, ...] = ()
    message_options: Mapping[str, Any] = {}


class Added(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What adding a job did.

    Args:
        job_id: the job that now stands for the request: the new one, or the one that was there.
        created: whether it is new; false where the id or the unique key was known.
    """

    job_id: str
    created: bool


class Attempt(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One run of a job that did not complete it."""

    number: int
    outcome: str
    error: str
    worker: str
    started_at: datetime
    duration_ms: int


class Children(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A parent's children: how many are unfinished, and how many ended how."""

    pending: int = 0
    completed: int = 0
    failed: int = 0


class JobView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A job as the queue knows it now."""

    job_id: str
    job_type: str
    queue: str
    state: JobState
    group: str
    data: Mapping[str, Any]
    created_at: datetime
    priority: int = 0
    not_before: datetime | None = None
    """When a delayed job may start."""
    reason: str | None = None
    """Why a delayed job waits, or why a dead letter died."""
    attempts_made: int = 0
    attempts: tuple[Attempt, ...] = ()
    worker: str | None = None
    """Who holds the lease of an active job."""
    progress: Mapping[str, Any] | None = None
    result: Any = None
    finished_at: datetime | None = None
    parent_id: str | None = None
    children: Children | None = None
    log_lines: tuple[str, ...] = ()
    """What the job wrote to its log; the last 16 KiB."""


class JobPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Some of the jobs in a state, in the state's order.

    Args:
        jobs: the jobs; fewer than were asked for, or none, where few match.
        cursor: asks for the next page; ``None`` where nothing is left.
    """

    jobs: tuple[JobView, ...]
    cursor: str | None


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a key allows to the jobs that run under it, over all workers together.

    Args:
        rate: so many starts ...
        per: ... in this time, evenly spread; 0 for no limit of rate.
        burst: how many may start at once after a quiet time.
        at_once: how many may run side by side; 0 for no such limit.
    """

    rate: float = 0
    per: timedelta = timedelta(seconds=1)
    burst: int = 1
    at_once: int = 0


class QueueEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A transition that one or more jobs made."""

    event_id: str
    """Its place in the stream; later events have larger ids."""
    event: str
    job_ids: tuple[str, ...]
    details: Mapping[str, str] = {}


class QueueStats(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A queue in numbers."""

    queue: str
    counts: Mapping[str, int]
    """Jobs per state, every state named."""
    paused: bool
    oldest_waiting_seconds: float
    """How long the job that waits longest has been ready to run; 0 where none waits."""
    totals: Mapping[str, int]
    """Since the queue was made: added, started, completed, retried, deferred, failed, stalled, cancelled, limited."""
