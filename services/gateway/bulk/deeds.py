"""What is done with a page of jobs of one queue. Ledger and queue stay in step; each page may be repeated.

The order of the steps is that of :mod:`services.gateway.decisions`: what is to run again is owed by the ledger before
the queue has it, and what is cancelled or removed is closed in the ledger before the queue forgets it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from libs.common.broker.model import JobView
from libs.common.broker.queue import CancelAnswer
from libs.common.clock import Clock
from libs.common.jobs.bulk_action import Action
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.contract import Ledger
from libs.common.ledger.model import Ending, Reopening
from libs.common.ledger.reconciler import ending_of


class ManyAtOnce(Protocol):
    """What is asked of a queue; :class:`libs.common.broker.queue.JobQueue` does it. One answer per job."""

    def retry_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Lets dead letters run again."""
        ...

    def remove_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Forgets ended jobs."""
        ...

    def promote_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Lets delayed jobs run now."""
        ...

    def cancel_many(self, job_ids: Sequence[str]) -> list[CancelAnswer]:
        """Removes jobs that do not run, asks those that do to stop."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """With how many jobs it was done, and how many were left alone."""

    done: int
    refused: int


class Deeds:
    """Does one thing with many jobs.

    Args:
        ledger: knows jobs that came from outside.
        clock: tells when a job was cancelled.
    """

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def do(self, action: Action, queue: ManyAtOnce, jobs: Sequence[JobView]) -> Done:
        """Does it; doing it again does it with those that are still to be done.

        Raises:
            StoreUnavailable: a store is away; what was done stays done.
        """
        if not jobs:
            return Done(0, 0)
        match action:
            case Action.RETRY:
                done = self._retry(queue, jobs)
            case Action.REMOVE:
                done = self._remove(queue, jobs)
            case Action.CANCEL:
                done = self._cancel(queue, jobs)
            case Action.PROMOTE:
                done = sum(queue.promote_many([view.job_id for view in jobs]))
        return Done(done, len(jobs) - done)

    def _retry(self, queue: ManyAtOnce, views: Sequence[JobView]) -> int:
        owed = self._ledger.reopen_many([view.job_id for view in views])
        wanted = [view for view in views if owed[view.job_id] in (Reopening.OPEN, Reopening.UNKNOWN)]
        taken = queue.retry_many([view.job_id for view in wanted])
        in_ledger = [view for view in wanted if owed[view.job_id] is Reopening.OPEN]
        was_taken = {view.job_id: is_so for view, is_so in zip(wanted, taken, strict=True)}
        # The reconciler may have closed some again while Redis still had them as failed.
        self._ledger.reopen_many([view.job_id for view in in_ledger if was_taken[view.job_id]])
        left = [ending_of(view) for view in in_ledger if not was_taken[view.job_id]]
        self._ledger.finish_many([ending for ending in left if ending is not None])
        return sum(taken)

    def _remove(self, queue: ManyAtOnce, views: Sequence[JobView]) -> int:
        # What the ledger still owed, the reconciler would run again once Redis has forgotten it.
        endings = [ending_of(view) for view in views]
        self._ledger.finish_many([ending for ending in endings if ending is not None])
        return sum(queue.remove_many([view.job_id for view in views]))

    def _cancel(self, queue: ManyAtOnce, views: Sequence[JobView]) -> int:
        now = self._clock.now()
        self._ledger.finish_many(
            [Ending(job_id=view.job_id, status=LedgerStatus.CANCELLED, finished_at=now) for view in views]
        )
        answers = queue.cancel_many([view.job_id for view in views])
        return sum(answer in ("cancelled", "asked") for answer in answers)
