"""Brings every accepted, unfinished job that Redis does not know back into the queue, and closes what Redis has ended.

The smallest use::

    report = Reconciler(ledger, queues, RedisEpoch(redis), clock=clock, after=timedelta(seconds=10)).run_once()

Guarantees: after a run that raised nothing, every job that was accepted at least ``after`` before it (at any time
before it, where Redis lost data since the last run) is known to Redis or has ended. Any number of processes may do this
at once: a job is added by its id, which Redis takes once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from libs.common.broker.model import Added, JobView, NewJob
from libs.common.broker.record import record_of
from libs.common.clock import Clock
from libs.common.errors import InvalidInput, StoreUnavailable
from libs.common.jobs.registry import contract_of
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.contract import Ledger
from libs.common.ledger.model import Ending, LedgerEntry, OpenJob
from libs.common.ledger.requeue import job_again
from libs.common.logging import get_logger

log = get_logger(__name__)

_ENDINGS: Mapping[JobState, LedgerStatus] = {
    JobState.COMPLETED: LedgerStatus.COMPLETED,
    JobState.FAILED: LedgerStatus.FAILED,
}


class ReconciledQueue(Protocol):
    """What the reconciler asks of a queue; :class:`libs.common.broker.queue.JobQueue` does it."""

    def add(self, jobs: Sequence[NewJob]) -> list[Added]:
        """Adds jobs; a known id adds nothing."""
        ...

    def known(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these jobs the queue has, in any state."""
        ...

    def ended(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these jobs the queue has as completed or failed."""
        ...

    def get(self, job_id: str) -> JobView | None:
        """The job as the queue knows it now."""
        ...


class Epoch(Protocol):
    """Tells one life of Redis's data from another; :class:`libs.common.ledger.redis_epoch.RedisEpoch` does it."""

    def current(self) -> str:
        """The epoch: it differs from an earlier answer whenever Redis may have lost something since."""
        ...


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did.

    Args:
        complete: whether jobs of any age were looked at, because Redis may have lost data.
        looked_at: unfinished jobs that the ledger named.
        enqueued: those that Redis did not know and now does.
        held_back: those whose unique key another unfinished job holds; they are tried again in the next run.
        finished: those that Redis had ended and the ledger had not yet.
        skipped: those that this version cannot read; each is logged.
    """

    complete: bool
    looked_at: int = 0
    enqueued: int = 0
    held_back: int = 0
    finished: int = 0
    skipped: int = 0

    def plus(self, **counts: int) -> "Report":
        """This report with ``counts`` added."""
        return msgspec.structs.replace(self, **{name: getattr(self, name) + by for name, by in counts.items()})


class Reconciler:
    """Compares the ledger with Redis, one page at a time.

    Args:
        ledger: the truth.
        queues: every queue by its name.
        epoch: tells whether Redis lost data.
        clock: tells the age of a job.
        after: younger jobs are left to who accepted them, unless Redis lost data.
        page: jobs per page.
    """

    def __init__(
        self,
        ledger: Ledger,
        queues: Mapping[str, ReconciledQueue],
        epoch: Epoch,
        *,
        clock: Clock,
        after: timedelta,
        page: int = 500,
    ) -> None:
        self._ledger = ledger
        self._queues = queues
        self._epoch = epoch
        self._clock = clock
        self._after = after
        self._page = page
        self._reconciled_epoch: str | None = None

    def redis_may_have_lost_data(self) -> bool:
        """Whether Redis is not, or not surely, the one with which the last run ended; two small commands.

        Raises:
            StoreUnavailable: Redis is away; what comes back counts as another one.
        """
        try:
            return self._epoch.current() != self._reconciled_epoch
        except StoreUnavailable:
            self._reconciled_epoch = None
            raise

    def run_once(self, *, stopping: Callable[[], bool] = lambda: False) -> Report:
        """Goes through all unfinished jobs once; may be called again after any error.

        Args:
            stopping: asked between pages; once it says yes the run ends and does not count as one.

        Raises:
            StoreUnavailable: Redis or MongoDB is away; the next run will be a complete one.
            QueueFull: Redis has no memory for what it lost.
        """
        try:
            epoch = self._epoch.current()
            report = Report(complete=epoch != self._reconciled_epoch)
            older_than = None if report.complete else self._clock.now() - self._after
            for page in self._pages(older_than):
                if stopping():
                    return report
                for queue, job_ids in _by_queue(page).items():
                    report = self._reconcile(queue, job_ids, report)
        except StoreUnavailable:
            self._reconciled_epoch = None
            raise
        self._reconciled_epoch = epoch
        if report.enqueued or report.finished or report.skipped:
            log.info("ledger.reconciled", **msgspec.structs.asdict(report))
        return report

    def _pages(self, older_than: datetime | None) -> Iterator[list[OpenJob]]:
        after_id = ""
        while page := self._ledger.open_jobs(after_id=after_id, limit=self._page, older_than=older_than):
            yield page
            after_id = page[-1].job_id

    def _reconcile(self, name: str, job_ids: Sequence[str], report: Report) -> Report:
        report = report.plus(looked_at=len(job_ids))
        queue = self._queues.get(name)
        if queue is None:
            log.warning("ledger.queue_unknown", queue=name, jobs=len(job_ids))
            return report.plus(skipped=len(job_ids))
        known = queue.known(job_ids)
        report = self._enqueue(queue, [job_id for job_id in job_ids if job_id not in known], report)
        return self._finish(queue, [job_id for job_id in job_ids if job_id in known], report)

    def _enqueue(self, queue: ReconciledQueue, missing: Sequence[str], report: Report) -> Report:
        if not missing:
            return report
        # Read only now: between reading the page and asking Redis a job may have ended and been forgotten there.
        entries = self._ledger.open_entries(missing)
        jobs = self._jobs_of(entries)
        added = queue.add(jobs)
        return report.plus(
            enqueued=sum(answer.created for answer in added),
            held_back=sum(answer.job_id != job.job_id for answer, job in zip(added, jobs, strict=True)),
            skipped=len(entries) - len(jobs),
        )

    def _jobs_of(self, entries: Sequence[LedgerEntry]) -> list[NewJob]:
        jobs = []
        now = self._clock.now()
        data = self._ledger.data_of_many([entry.job_id for entry in entries if not _worker_reads_data(entry)])
        for entry in entries:
            try:
                job = job_again(contract_of(entry.job_type), entry, data.get(entry.job_id, {}), now=now)
                record_of(job, created_ms=0)
            except InvalidInput as error:
                log.warning("ledger.entry_refused", job_id=entry.job_id, job_type=entry.job_type, error=str(error))
            else:
                jobs.append(job)
        return jobs

    def _finish(self, queue: ReconciledQueue, known: Sequence[str], report: Report) -> Report:
        ended = queue.ended(known) if known else set()
        views = [view for job_id in ended if (view := queue.get(job_id)) is not None]
        endings = [ending for view in views if (ending := ending_of(view)) is not None]
        return report.plus(finished=self._ledger.finish_many(endings))


def ending_of(view: JobView) -> Ending | None:
    """How a job ended as the queue has it; ``None`` where it has not."""
    status = _ENDINGS.get(view.state)
    if status is None or view.finished_at is None:
        return None
    error = (view.attempts[-1].error if view.attempts else view.reason) if status is LedgerStatus.FAILED else None
    return Ending(job_id=view.job_id, status=status, finished_at=view.finished_at, result=view.result, error=error)


def _worker_reads_data(entry: LedgerEntry) -> bool:
    try:
        return contract_of(entry.job_type).data_in_ledger
    except InvalidInput:
        return True


def _by_queue(jobs: Sequence[OpenJob]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        grouped[job.queue].append(job.job_id)
    return grouped
