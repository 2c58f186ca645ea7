"""What ``GET /jobs/{id}`` shows: the queue's view of a job and the ledger's, as one. The merging is without I/O."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from libs.common.broker.model import Attempt, Children, JobOptions, JobView
from libs.common.errors import StoreUnavailable
from libs.common.ledger.contract import Ledger
from libs.common.ledger.model import LedgerEntry
from services.gateway.intake import DoorQueue


class JobAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A job as callers see it.

    Args:
        job_id: its identity.
        job_type: what it is.
        queue: what carries it.
        state: where the queue has it; where the queue does not have it, what the ledger says (``accepted``,
            ``completed``, ``failed``, ``cancelled``).
        status: what the ledger says; ``None`` for a job that another job made, which the ledger does not hold.
        in_queue: whether the queue knows it now; ``None`` where Redis cannot be asked.
        workspace_id: whose job it is.
        created_at: when it was asked for.
        finished_at: when it ended.
        options: what was chosen for it.
        data: its payload, except where that is long and only the worker reads it.
        progress: what its actor last told.
        result: what it answered.
        error: why it failed, or what the last attempt said.
        reason: why it is delayed, or why it is a dead letter.
        not_before: when a delayed job may start.
        attempts_made: how often it ran.
        attempts: the runs that did not complete it.
        worker: who runs it now.
        parent_id: the job that waits for it.
        children: the jobs it waits for.
    """

    job_id: str
    job_type: str
    queue: str
    state: str
    status: str | None
    in_queue: bool | None
    workspace_id: str
    created_at: datetime
    finished_at: datetime | None = None
    options: JobOptions | None = None
    data: Mapping[str, Any] | None = None
    progress: Mapping[str, Any] | None = None
    result: Any = None
    error: str | None = None
    reason: str | None = None
    not_before: datetime | None = None
    attempts_made: int = 0
    attempts: tuple[Attempt, ...] = ()
    worker: str | None = None
    parent_id: str | None = None
    children: Children | None = None


def merge(view: JobView | None, entry: LedgerEntry | None, *, redis_there: bool) -> JobAnswer | None:
    """The job as both know it; ``None`` where neither does.

    The queue is nearer to what happens now, the ledger remembers longer.
    """
    if view is not None:
        return _from_queue(view, entry)
    if entry is None:
        return None
    return JobAnswer(
        job_id=entry.job_id,
        job_type=entry.job_type,
        queue=entry.queue,
        state=entry.status,
        status=entry.status,
        in_queue=False if redis_there else None,
        workspace_id=entry.workspace_id,
        created_at=entry.created_at,
        finished_at=entry.finished_at,
        options=entry.options,
        result=entry.result,
        error=entry.error,
    )


def _from_queue(view: JobView, entry: LedgerEntry | None) -> JobAnswer:
    last_error = view.attempts[-1].error if view.attempts else None
    return JobAnswer(
        job_id=view.job_id,
        job_type=view.job_type,
        queue=view.queue,
        state=view.state,
        status=entry.status if entry else None,
        in_queue=True,
        workspace_id=view.group,
        created_at=entry.created_at if entry else view.created_at,
        finished_at=view.finished_at or (entry.finished_at if entry else None),
        options=entry.options if entry else None,
        data=view.data or None,
        progress=view.progress,
        result=view.result if view.result is not None or entry is None else entry.result,
        error=last_error or (entry.error if entry else None),
        reason=view.reason,
        not_before=view.not_before,
        attempts_made=view.attempts_made,
        attempts=view.attempts,
        worker=view.worker,
        parent_id=view.parent_id,
        children=view.children,
    )


class JobFinder:
    """Finds a job wherever it is known.

    Args:
        ledger: knows jobs that came from outside.
        queues: every queue by its name.
    """

    def __init__(self, ledger: Ledger, queues: Mapping[str, DoorQueue]) -> None:
        self._ledger = ledger
        self._queues = queues

    def find(self, job_id: str) -> JobAnswer | None:
        """The job, or ``None`` where nobody knows it.

        Raises:
            StoreUnavailable: MongoDB is away, or Redis is and the ledger does not know the job.
        """
        entry = self._ledger.get(job_id)
        try:
            view = next(self._views(job_id, entry), None)
        except StoreUnavailable:
            if entry is None:
                raise
            return merge(None, entry, redis_there=False)
        return merge(view, entry, redis_there=True)

    def _views(self, job_id: str, entry: LedgerEntry | None) -> Iterator[JobView]:
        # Only the queue of a job that came from outside is known; one that another job made may be in any.
        names = [entry.queue] if entry else list(self._queues)
        for name in names:
            queue = self._queues.get(name)
            view = queue.get(job_id) if queue else None
            if view is not None:
                yield view
