"""What the service listens to: each minute's tick, and messages to send."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from libs.common.broker.actors import JobBroker, JobContext, job_actor
from libs.common.clock import Clock
from libs.common.errors import NotNow, StoreUnavailable
from libs.common.jobs.contract import TickPayload
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.jobs.scheduled_messages import SCHEDULED_MESSAGES
from services.messaging.due import DueMessages
from services.messaging.metrics import expect_messages, expect_ticks
from services.messaging.sending import Sending

_STORE_AWAY: Final = timedelta(seconds=3)


class MessageJobs:
    """Runs the jobs of ``message-processing``.

    Args:
        sending: sends one message.
        clock: tells when to come back.
        random: spreads those who come back.
    """

    def __init__(self, sending: Sending, *, clock: Clock, random: Callable[[], float]) -> None:
        self._sending = sending
        self._clock = clock
        self._random = random

    async def process(self, payload: MessageProcessing, job: JobContext) -> dict[str, Any]:
        """Sends a message; a store that is away costs no attempt."""
        try:
            return await self.run(job.job_id, payload)
        except StoreUnavailable as error:
            raise NotNow(self._clock.now() + _STORE_AWAY * (1 + self._random()), f"{error.store} is away") from error

    async def run_direct(self, job_id: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a message at once, for a caller that waits.

        Args:
            job_id: the job that the caller accepted.
            data: the payload as it goes over the wire.

        Raises:
            NotNow: it may not go yet; the job that was accepted for it will see to it.
            InvalidInput: the payload is malformed.
            Permanent: the workspace has no such message.
            StoreUnavailable: MongoDB is away.
        """
        return await self.run(job_id, MESSAGE_PROCESSING.read(data))

    async def run(self, job_id: str, payload: MessageProcessing) -> dict[str, Any]:
        """Sends a message; answers where it is now."""
        outcome = await self._sending.process(payload.message_id, payload.workspace_id, job_id=job_id)
        result: dict[str, Any] = msgspec.to_builtins(outcome)
        return result


class TickJobs:
    """Runs the jobs of ``scheduled-messages``.

    Args:
        due: looks after messages that need a job.
    """

    def __init__(self, due: DueMessages) -> None:
        self._due = due

    def tick(self, payload: TickPayload, _job: JobContext) -> dict[str, Any]:
        """Enqueues what is due."""
        report = self._due.run_once(payload.tick)
        return {
            "due": report.due,
            "enqueued": report.enqueued,
            "requeued": report.requeued,
            "finished": report.finished,
        }


def declare_messages(jobs: MessageJobs, broker: JobBroker) -> None:
    """Makes the broker run ``message-processing`` here."""
    expect_messages()
    job_actor(MESSAGE_PROCESSING, broker=broker)(jobs.process)


def declare_ticks(jobs: TickJobs, broker: JobBroker) -> None:
    """Makes the broker run ``scheduled-messages`` here."""
    expect_ticks()
    job_actor(SCHEDULED_MESSAGES, broker=broker)(jobs.tick)
