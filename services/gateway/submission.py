"""What happens to a job at the door: admitted, taken in (see `intake`), perhaps run at once, answered.

Requests that come at the same time are taken in together: they share the round trips to MongoDB and Redis, and each
has its own answer. A request on the server's event loop waits there for its company; whatever else blocks goes off it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from libs.common.broker.model import JobOptions, NewJob
from libs.common.clock import Clock
from libs.common.errors import InvalidInput, QueueFull, StoreUnavailable
from libs.common.ids import IdFactory
from libs.common.jobs.registry import contract_of
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.contract import Ledger
from libs.common.ledger.model import Ending, LedgerEntry
from libs.common.ledger.reconciler import ending_of
from libs.common.logging import get_logger
from services.gateway.admission import Admission
from services.gateway.direct import DirectRunFailed
from services.gateway.intake import Arrival, DoorQueue, Intake, Room, Taken
from services.gateway.orders import Order, Wish, keyed_job_id, read_idempotency_key
from services.gateway.serving.waiting import off_loop
from services.gateway.together import Together

log = get_logger(__name__)

_MOST_TOGETHER = 500


class Runner(Protocol):
    """Runs a small job at once; :class:`services.gateway.direct.DirectRuns` does."""

    def run(self, job_type: str, job_id: str, data: dict[str, Any]) -> Any:
        """The job's result; raises DirectRunFailed where there is none."""
        ...


class Receipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """What the caller learns.

    Args:
        job_id: the job that stands for the request.
        queue: the queue that carries it.
        status: ``accepted`` while only the ledger holds it, the queue's state where the queue does, or how it ended.
        result: what a completed job answered.
        error: why a failed one failed.
    """

    job_id: str
    queue: str
    status: str
    result: Any = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come."""
        return self.status in (LedgerStatus.COMPLETED, LedgerStatus.FAILED, LedgerStatus.CANCELLED)


class Door:
    """Takes jobs in.

    Args:
        ledger: where a job is accepted.
        queues: every queue by its name.
        room: tells whether Redis takes new jobs.
        admissions: the further rules of the job types that have some.
        runner: runs small jobs at once.
        clock: tells when a job was asked for.
        new_id: makes the id of a job without an idempotency key.
    """

    def __init__(
        self,
        ledger: Ledger,
        queues: Mapping[str, DoorQueue],
        *,
        room: Room,
        admissions: Mapping[str, Admission],
        runner: Runner,
        clock: Clock,
        new_id: IdFactory,
    ) -> None:
        self._ledger = ledger
        self._queues = queues
        self._intake = Intake(ledger, queues, room)
        self._together = Together(self._intake.take_in, most=_MOST_TOGETHER)
        self._admissions = admissions
        self._runner = runner
        self._clock = clock
        self._new_id = new_id

    def submit(self, order: Order, *, idempotency_key: str | None = None) -> Receipt:
        """Takes one job in; asking again with the same key answers the same job.

        Raises:
            InvalidInput: the job is not admitted, or the key was used for another request. Nothing was accepted.
            QueueFull: Redis takes no new jobs. Nothing was accepted.
            StoreUnavailable: MongoDB is away. Whether the job was accepted is not known; with a key it can be asked.
        """
        job_id = keyed_job_id(order, idempotency_key) if idempotency_key else self._new_id()
        try:
            return self._submit(order, job_id)
        except (InvalidInput, QueueFull):
            # What was accepted once is answered, though it would not be now: the leads are gone, or Redis is full.
            if idempotency_key and (earlier := off_loop(self._ledger.get, job_id)):
                return self._repeat(earlier, order)
            raise

    def _submit(self, order: Order, job_id: str) -> Receipt:
        order = self._admit(order)
        job = order.job(job_id)
        at_once = self._runs_at_once(order, redis_there=True)
        entry = order.entry(job, asked_at=self._clock.now())
        taken = self._take_in(Arrival(entry=entry, job=None if at_once else job))
        if taken.met is not None:
            return self._repeat(taken.met, order) if taken.met.job_id == job_id else self._receipt_of(taken.met)
        if self._runs_at_once(order, redis_there=taken.redis_there) and (receipt := off_loop(self._run, order, job_id)):
            return receipt
        if at_once and taken.redis_there:
            return off_loop(self._enqueue, order, job)
        return _receipt(order, job_id, _first_state(job.options) if taken.queued else LedgerStatus.ACCEPTED)

    def submit_many(self, wishes: Sequence[Wish]) -> list[Receipt | InvalidInput]:
        """Takes many jobs in with one write to the ledger and one call per queue; none is run at once.

        Returns:
            Per wish, in their order, the receipt, or why it was not accepted.

        Raises:
            QueueFull: Redis takes no new jobs. Nothing was accepted.
            StoreUnavailable: MongoDB is away. What was accepted is not known; with keys it can be asked.
        """
        asked_at = self._clock.now()
        answers: dict[int, Receipt | InvalidInput] = {}
        orders: dict[int, Order] = {}
        arrivals: list[Arrival] = []
        for place, wish in enumerate(wishes):
            try:
                order = self._admit(wish.order())
                key = read_idempotency_key(wish.idempotency_key)
                job = order.job(keyed_job_id(order, key) if key else self._new_id())
            except InvalidInput as error:
                answers[place] = error
                continue
            orders[place] = order
            arrivals.append(Arrival(entry=order.entry(job, asked_at=asked_at), job=job))
        taken = self._intake.take_in(arrivals)
        for (place, order), arrival, outcome in zip(orders.items(), arrivals, taken, strict=True):
            job_id = arrival.entry.job_id
            if outcome.met is None:
                status = _first_state(order.options) if outcome.queued else LedgerStatus.ACCEPTED
                answers[place] = _receipt(order, job_id, status)
            elif outcome.met.job_id != job_id:
                answers[place] = self._receipt_of(outcome.met)
            else:
                answers[place] = self._repeated(outcome.met, order)
        return [answers[place] for place in range(len(wishes))]

    def _repeated(self, earlier: LedgerEntry, order: Order) -> Receipt | InvalidInput:
        try:
            return self._repeat(earlier, order)
        except InvalidInput as error:
            return error

    def _admit(self, order: Order) -> Order:
        admission = self._admissions.get(order.contract.job_type)
        if admission is None:
            return order
        admitted = admission.admit(order.payload)
        return order if admitted is order.payload else msgspec.structs.replace(order, payload=admitted)

    def _take_in(self, arrival: Arrival) -> Taken:
        """Takes one job in, in company; a unique key whose holder has ended in Redis is free."""
        taken = self._take_in_once(arrival)
        holder = taken.met
        if holder is not None and holder.job_id != arrival.entry.job_id and off_loop(self._ended_in_redis, holder):
            taken = self._take_in_once(arrival)
        return taken

    def _take_in_once(self, arrival: Arrival) -> Taken:
        if contract_of(arrival.entry.job_type).data_in_ledger:
            # Its payload may be megabytes, for which small ones need not wait.
            return off_loop(self._intake.take_in, [arrival])[0]
        return self._together.ask(arrival)

    def _ended_in_redis(self, holder: LedgerEntry) -> bool:
        """Whether the job that holds the unique key has ended and only the ledger has not heard; then it hears now."""
        try:
            view = self._queues[holder.queue].get(holder.job_id)
        except StoreUnavailable:
            return False
        ending = ending_of(view) if view else None
        if ending is None:
            return False
        self._ledger.finish(ending)
        return True

    def _repeat(self, earlier: LedgerEntry, order: Order) -> Receipt:
        if earlier.request_hash != order.request_hash:
            raise InvalidInput("Idempotency-Key", "was used for a different request; a new request needs a new key")
        return self._receipt_of(earlier)

    def _receipt_of(self, entry: LedgerEntry) -> Receipt:
        """The receipt for a job that was accepted earlier."""
        status: str = entry.status
        if entry.is_open:
            try:
                view = off_loop(self._queues[entry.queue].get, entry.job_id)
            except StoreUnavailable:
                view = None
            if view is not None:
                status = view.state
        return Receipt(job_id=entry.job_id, queue=entry.queue, status=status, result=entry.result, error=entry.error)

    def _runs_at_once(self, order: Order, *, redis_there: bool) -> bool:
        admission = self._admissions.get(order.contract.job_type)
        if admission is None or order.options.delay_ms:
            return False
        return admission.runs_at_once(order.payload) or (admission.cannot_wait and not redis_there)

    def _run(self, order: Order, job_id: str) -> Receipt | None:
        """Runs the job on its service; ``None`` where that failed and the queue is to bring it."""
        try:
            result = self._runner.run(order.contract.job_type, job_id, order.data)
        except DirectRunFailed as error:
            log.warning("job.direct_run_failed", job_id=job_id, queue=order.contract.queue, error=str(error))
            return None
        ending = Ending(job_id=job_id, status=LedgerStatus.COMPLETED, finished_at=self._clock.now(), result=result)
        try:
            self._ledger.finish(ending)
        except StoreUnavailable as error:
            # The job is done and its answer known. The ledger keeps it open, and it will be run once more.
            log.warning("ledger.ending_lost", job_id=job_id, error=error.reason)
        return _receipt(order, job_id, LedgerStatus.COMPLETED, result)

    def _enqueue(self, order: Order, job: NewJob) -> Receipt:
        try:
            added = self._queues[order.contract.queue].add([job])[0]
        except StoreUnavailable as error:
            log.warning("job.left_to_reconciler", job_id=job.job_id, queue=order.contract.queue, error=error.reason)
            return _receipt(order, job.job_id, LedgerStatus.ACCEPTED)
        except Exception:
            # The ledger holds it: a fault that nobody foresaw may not be answered as if it were refused either.
            log.exception("job.left_to_reconciler", job_id=job.job_id, queue=order.contract.queue)
            return _receipt(order, job.job_id, LedgerStatus.ACCEPTED)
        # Another job may hold the unique key in Redis, one that the ledger does not know: ours follows when it ends.
        held_back = added.job_id != job.job_id
        return _receipt(order, job.job_id, LedgerStatus.ACCEPTED if held_back else _first_state(job.options))


def _first_state(options: JobOptions) -> JobState:
    if options.delay_ms:
        return JobState.DELAYED
    return JobState.PRIORITIZED if options.priority else JobState.WAITING


def _receipt(order: Order, job_id: str, status: str, result: Any = None) -> Receipt:
    return Receipt(job_id=job_id, queue=order.contract.queue, status=status, result=result)
