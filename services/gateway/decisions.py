"""What a person decides about one job: cancel, remove, retry, run now. Ledger and queue stay in step.

The order of the steps is the promise. A cancelled job is closed in the ledger before the queue drops it, so that the
reconciler cannot bring it back; a retried one is owed again by the ledger before the queue has it, so that it cannot be
lost. A call that fails half-way can be repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
from werkzeug.exceptions import Conflict, NotFound

from libs.common.broker.model import JobView
from libs.common.broker.queue import CancelAnswer
from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.jobs.contract import Origin
from libs.common.jobs.registry import contract_of
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.contract import Ledger
from libs.common.ledger.model import Ending, LedgerEntry, Reopening
from libs.common.ledger.reconciler import ending_of
from libs.common.ledger.requeue import job_again
from libs.common.logging import get_logger
from services.gateway.intake import DoorQueue

log = get_logger(__name__)

_LONGEST_TOLD: Final = 1_000
_ENDED = frozenset({JobState.COMPLETED, JobState.FAILED})


class DecidedQueue(DoorQueue, Protocol):
    """What decisions ask of a queue; :class:`libs.common.broker.queue.JobQueue` does it."""

    def cancel(self, job_id: str) -> CancelAnswer:
        """Removes a job that is not running; asks one that runs to stop."""
        ...

    def retry(self, job_id: str) -> bool:
        """Lets a dead letter run again; false where it is none, or its unique key is another job's by now."""
        ...

    def promote(self, job_id: str) -> bool:
        """Lets a delayed job run now; false where it is not delayed."""
        ...

    def remove(self, job_id: str) -> bool:
        """Forgets a completed job or a dead letter; false where it is neither."""
        ...


class Decided(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was done.

    Args:
        job_id: with which job.
        queue: its queue.
        status: ``cancelled``, ``cancelling`` (it runs and was asked to stop), ``removed``, ``retried`` or ``promoted``.
    """

    job_id: str
    queue: str
    status: str


@dataclass(frozen=True, slots=True)
class Edited:
    """A dead letter that runs again with another payload.

    Args:
        decided: what was done.
        before: the payload that it had.
        after: the payload that it has.
    """

    decided: Decided
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def changes(self) -> dict[str, Any]:
        """The fields that differ, each with what it was and what it is; of long ones the beginning."""
        names = sorted({*self.before, *self.after})
        return {
            name: {"before": _shortened(self.before.get(name)), "after": _shortened(self.after.get(name))}
            for name in names
            if self.before.get(name) != self.after.get(name)
        }


class Decisions:
    """Carries decisions out.

    Args:
        ledger: knows jobs that came from outside.
        queues: every queue by its name.
        clock: tells when a job was cancelled.
    """

    def __init__(self, ledger: Ledger, queues: Mapping[str, DecidedQueue], *, clock: Clock) -> None:
        self._ledger = ledger
        self._queues = queues
        self._clock = clock

    def end(self, job_id: str) -> Decided:
        """Cancels a job that has not ended, removes one that has.

        Raises:
            NotFound: nobody knows the job.
            StoreUnavailable: a store is away; nothing, or a part, was done, and the call may be repeated.
        """
        entry, view = self._find(job_id)
        queue = view.queue if view else _queue_of(entry, job_id)
        if view is not None and view.state in _ENDED:
            return self._remove(view, entry)
        if entry is not None and entry.is_open:
            self._ledger.finish(
                Ending(job_id=job_id, status=LedgerStatus.CANCELLED, finished_at=self._clock.now(), error=None)
            )
        answer = self._queues[queue].cancel(job_id) if queue in self._queues else "unknown"
        if answer == "finished" and (view := self._queues[queue].get(job_id)) is not None:
            return self._remove(view, entry)
        log.info("job.cancelled", job_id=job_id, queue=queue, answer=answer)
        return Decided(job_id=job_id, queue=queue, status="cancelling" if answer == "asked" else "cancelled")

    def retry_with(self, job_id: str, data: Mapping[str, Any]) -> Edited:
        """Runs a dead letter again with another payload, which its contract must accept.

        The ledger has the new payload, and owes the job, before the queue forgets the old one; whatever happens in
        between, the job can be enqueued as the ledger has it. Its attempts begin anew.

        Args:
            job_id: which job.
            data: the whole payload, as a request to enqueue would hold it.

        Raises:
            InvalidInput: the payload is not one of this job type, or is another workspace's.
            NotFound: nobody knows the job.
            Conflict: it is no dead letter, its payload is another's to make, or another unfinished job does the same.
            StoreUnavailable: a store is away; the call may be repeated.
        """
        entry, view = self._find(job_id)
        state = view.state if view else _status_of(entry, job_id)
        if state != JobState.FAILED:
            raise Conflict(f"Job {job_id} is {state}; only the payload of a dead letter (failed) can be changed.")
        if entry is None or contract_of(entry.job_type).origin is Origin.SCHEDULE:
            raise Conflict(f"The payload of job {job_id} was made by another job or a schedule; retry it as it is.")
        contract = contract_of(entry.job_type)
        payload = contract.parse(data)
        if contract.group_of(payload) != entry.workspace_id:
            raise InvalidInput("data.workspaceId", f"the job is of workspace {entry.workspace_id!r} and stays there")
        before, after = self._ledger.data_of(job_id) or {}, contract.dump(payload)
        key = contract.unique_key_of(payload)
        if view is not None and (ending := ending_of(view)) is not None:
            # Where the ledger has not heard yet: only what it knows as failed can be owed anew.
            self._ledger.finish(ending)
        _must_be_open(self._ledger.reopen_with(job_id, after, unique_key=key), job_id)
        self._queues[entry.queue].remove(job_id)
        self._enqueue_again(msgspec.structs.replace(entry, unique_key=key))
        # The reconciler may have closed it again in between, when Redis still had the old one as failed.
        self._ledger.reopen(job_id)
        log.info("job.edited_by_person", job_id=job_id, queue=entry.queue)
        return Edited(Decided(job_id=job_id, queue=entry.queue, status="retried"), before=before, after=after)

    def retry(self, job_id: str) -> Decided:
        """Runs a dead letter again, whether the queue still has it or only the ledger.

        Raises:
            NotFound: nobody knows the job.
            Conflict: it is no dead letter, or another unfinished job does the same by now.
            StoreUnavailable: a store is away; the call may be repeated.
        """
        entry, view = self._find(job_id)
        state = view.state if view else _status_of(entry, job_id)
        if state != JobState.FAILED:
            raise Conflict(f"Job {job_id} is {state}; only a dead letter (failed) can be retried.")
        if entry is not None:
            self._reopen(entry)
        queue = view.queue if view else _queue_of(entry, job_id)
        if view is None and entry is not None:
            self._enqueue_again(entry)
        elif self._queues[queue].retry(job_id):
            if entry is not None:
                # The reconciler may have closed it again between the two steps, when Redis still had it as failed.
                self._ledger.reopen(job_id)
        else:
            self._not_retried(job_id, queue, entry)
        log.info("job.retried_by_person", job_id=job_id, queue=queue)
        return Decided(job_id=job_id, queue=queue, status="retried")

    def promote(self, job_id: str) -> Decided:
        """Runs a delayed job now.

        Raises:
            NotFound: nobody knows the job.
            Conflict: it is not delayed.
            StoreUnavailable: a store is away.
        """
        entry, view = self._find(job_id)
        queue = view.queue if view else _queue_of(entry, job_id)
        if view is None or not self._queues[queue].promote(job_id):
            state = view.state if view else _status_of(entry, job_id)
            raise Conflict(f"Job {job_id} is {state}; only a delayed job can be promoted.")
        return Decided(job_id=job_id, queue=queue, status="promoted")

    def workspace_of(self, job_id: str) -> str | None:
        """Whose job it is; ``None`` where nobody knows the job.

        Raises:
            StoreUnavailable: a store is away.
        """
        try:
            entry, view = self._find(job_id)
        except NotFound:
            return None
        return view.group if view else entry.workspace_id if entry else None

    def _find(self, job_id: str) -> tuple[LedgerEntry | None, JobView | None]:
        """The job in ledger and queue. Redis must be there: what only one of them has done, the other would undo."""
        entry = self._ledger.get(job_id)
        names = [entry.queue] if entry else list(self._queues)
        views = (self._queues[name].get(job_id) for name in names if name in self._queues)
        view = next((view for view in views if view is not None), None)
        if entry is None and view is None:
            raise NotFound(f"There is no job {job_id[:80]!r}.")
        return entry, view

    def _remove(self, view: JobView, entry: LedgerEntry | None) -> Decided:
        ending = ending_of(view)
        if entry is not None and entry.is_open and ending is not None:
            # Otherwise the reconciler would miss it in Redis and run it again.
            self._ledger.finish(ending)
        self._queues[view.queue].remove(view.job_id)
        return Decided(job_id=view.job_id, queue=view.queue, status="removed")

    def _reopen(self, entry: LedgerEntry) -> None:
        _must_be_open(self._ledger.reopen(entry.job_id), entry.job_id)

    def _enqueue_again(self, entry: LedgerEntry) -> None:
        contract = contract_of(entry.job_type)
        data: dict[str, Any] = {} if contract.data_in_ledger else self._ledger.data_of(entry.job_id) or {}
        self._queues[entry.queue].add([job_again(contract, entry, data, now=self._clock.now())])

    def _not_retried(self, job_id: str, queue: str, entry: LedgerEntry | None) -> None:
        """Puts the ledger back; the queue did not take the job.

        Raises:
            Conflict: always, unless somebody else has just retried it.
        """
        view = self._queues[queue].get(job_id)
        if view is not None and view.state is not JobState.FAILED:
            return
        if entry is not None and view is not None and (ending := ending_of(view)) is not None:
            self._ledger.finish(ending)
        raise Conflict(f"Another unfinished job stands for the same as {job_id}; it need not be retried.")


def _must_be_open(reopening: Reopening, job_id: str) -> None:
    match reopening:
        case Reopening.HELD:
            raise Conflict(f"Another unfinished job stands for the same as {job_id}; it need not be retried.")
        case Reopening.REFUSED | Reopening.UNKNOWN:
            raise Conflict(f"Job {job_id} is no dead letter any more.")


def _shortened(value: Any) -> Any:
    text = msgspec.json.encode(value).decode()
    return value if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD]


def _queue_of(entry: LedgerEntry | None, job_id: str) -> str:
    if entry is None:
        raise NotFound(f"There is no job {job_id[:80]!r}.")
    return entry.queue


def _status_of(entry: LedgerEntry | None, job_id: str) -> str:
    if entry is None:
        raise NotFound(f"There is no job {job_id[:80]!r}.")
    return entry.status
