"""Decides what becomes of a job when its run has ended; the consumer then does it in one atomic step."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware

from libs.common.broker.actors import JobBroker
from libs.common.broker.held_job import HeldJob, held
from libs.common.broker.outcome import Completed, Dead, HandedBack, Lost, RetryLater, decide_outcome, is_expected
from libs.common.clock import Clock, SystemClock
from libs.common.jobs.contract import Backoff
from libs.common.logging import get_logger

log = get_logger(__name__)


class Outcomes(Middleware):
    """Sets ``outcome`` on the job.

    Options that an actor or a message may set: ``max_attempts``, ``backoff_ms`` (the first pause).

    Args:
        backoff: the pause between attempts where the job type says nothing.
        max_attempts: how often a job runs where nothing says otherwise.
        random: uniform in [0, 1).
        clock: tells when to come back where a store is away.
    """

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        max_attempts: int = 5,
        random: Callable[[], float] = random.random,
        clock: Clock | None = None,
    ) -> None:
        self._backoff = backoff or Backoff()
        self._max_attempts = max_attempts
        self._random = random
        self._clock = clock or SystemClock()

    @property
    def actor_options(self) -> set[str]:
        """The options that an actor may set."""
        return {"max_attempts", "backoff_ms", "backoff"}

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Decides from what the run returned or raised."""
        job = held(message)
        if job.outcome is not None:
            return
        if exception is None:
            job.outcome = Completed(result)
            return
        job.outcome = decide_outcome(
            exception,
            attempt=job.attempt,
            max_attempts=job.options.get("max_attempts", self._max_attempts),
            backoff=self._backoff_of(broker, job),
            random=self._random,
            now=self._clock.now(),
        )
        self._tell(job, exception)

    def after_skip_message(self, _broker: dramatiq.Broker, message: MessageProxy) -> None:
        """A middleware chose to skip the job: it is done."""
        job = held(message)
        job.outcome = job.outcome or Completed()

    def _backoff_of(self, broker: dramatiq.Broker, job: HeldJob) -> Backoff:
        actor = broker.job_actors.get(job.actor_name) if isinstance(broker, JobBroker) else None
        backoff: Backoff = actor.contract.backoff if actor else self._backoff
        if first := job.options.get("backoff_ms"):
            return Backoff(timedelta(milliseconds=first), max(backoff.longest, timedelta(milliseconds=first)))
        return backoff

    def _tell(self, job: HeldJob, exception: BaseException) -> None:
        fields: dict[str, Any] = {"job_id": job.job_id, "queue": job.queue_name, "attempt": job.attempt}
        match job.outcome:
            case RetryLater(delay, reason):
                delay_ms = int(delay.total_seconds() * 1000)
                trace = None if is_expected(exception) else exception
                log.warning("job.retried", **fields, delay_ms=delay_ms, reason=reason, exc_info=trace)
            case Dead(reason):
                log.error("job.failed", **fields, reason=reason, exc_info=None if is_expected(exception) else exception)
            case Lost():
                log.warning("job.lease_lost", **fields)
            case HandedBack():
                log.info("job.handed_back", **fields)
