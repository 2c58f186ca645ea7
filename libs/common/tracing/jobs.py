"""Makes each attempt of a job a step of the trace that its message carries; on a broker only where tracing is on."""

from contextvars import ContextVar
from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware

from libs.common.broker.held_job import HeldJob, held
from libs.common.broker.metrics import outcome_word
from libs.common.broker.outcome import Dead, Lost, RetryLater
from libs.common.tracing.switch import Attribute, Kind, Step, Tracing

_step: ContextVar[Step | None] = ContextVar("job_step", default=None)


class TraceJobs(Middleware):
    """Surrounds all other middleware, so that it sees the outcome that they decide on.

    Args:
        tracing: what traces.
    """

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def before_process_message(self, _broker: dramatiq.Broker, message: MessageProxy) -> None:
        """The attempt begins; without a trace to belong to, it begins one."""
        job = held(message)
        step = self._tracing.begin(f"job {job.actor_name}", Kind.JOB, attributes=_known_of(job), carried=job.options)
        _step.set(step)

    def after_process_message(
        self,
        _broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002 - dramatiq's name
        exception: BaseException | None = None,  # noqa: ARG002 - dramatiq's name
    ) -> None:
        """The attempt has ended."""
        self._end(held(message))

    def after_skip_message(self, _broker: dramatiq.Broker, message: MessageProxy) -> None:
        """The attempt has ended before it began."""
        self._end(held(message))

    def _end(self, job: HeldJob) -> None:
        step = _step.get()
        if step is None:
            return
        _step.set(None)
        if job.outcome is not None:
            step.tell({"tuco.outcome": outcome_word(job.outcome)})
        if isinstance(job.outcome, RetryLater | Dead):
            step.fail(job.outcome.reason)
        elif isinstance(job.outcome, Lost):
            step.fail("the lease was lost")
        step.end()


def _known_of(job: HeldJob) -> dict[str, Attribute]:
    """Names after OpenTelemetry's conventions for messaging; ours where there are none."""
    ready_ms = job.message_timestamp + job.options.get("delay_ms", 0)
    return {
        "messaging.system": "tuco-jobs",
        "messaging.operation.type": "process",
        "messaging.destination.name": job.queue_name,
        "messaging.message.id": job.job_id,
        "tuco.job_type": job.actor_name,
        "tuco.attempt": job.attempt,
        "tuco.workspace_id": job.header.group,
        **({"tuco.wait_ms": max(0, job.started_ms - ready_ms)} if job.attempt == 1 else {}),
    }
