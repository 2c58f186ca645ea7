"""How an attempt ends: each end is written to the message first, and then said to the queue."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from libs.common.clock import Clock
from libs.common.errors import NotNow, Permanent
from libs.common.logging import get_logger
from libs.common.messages.reasons import Reason
from libs.common.messages.states import UNFINISHED, Heard, MessageStatus
from libs.common.offload import Offload
from libs.common.stores.messages import MessageStore, Waiting
from services.messaging.attempt import Attempt
from services.messaging.checks import End, Wait
from services.messaging.metrics import MESSAGES
from services.messaging.outcomes import Outcome

log = get_logger(__name__)

_OVERTAKEN: Final = timedelta(seconds=5)


class Endings:
    """Writes ends.

    Every method raises :class:`~libs.common.errors.NotNow` where the job has to come back, and
    :class:`~libs.common.errors.StoreUnavailable` where MongoDB is away.

    Args:
        messages: the messages.
        offload: where blocking calls run.
        clock: tells when to come back.
        random: spreads those who come back.
    """

    def __init__(self, messages: MessageStore, offload: Offload, *, clock: Clock, random: Callable[[], float]) -> None:
        self._messages = messages
        self._offload = offload
        self._clock = clock
        self._random = random

    async def wait(self, attempt: Attempt, wait: Wait, *, error: str | None = None) -> Outcome:
        """A message that was not marked waits for its moment."""
        reason = str(wait.reason or attempt.message.reason or Reason.LINE_PER_MINUTE)
        waiting = Waiting(until=wait.until, reason=reason, promised=wait.promised, error=error)
        if not await self._offload.run(self._messages.postpone, attempt.message, waiting, owner=attempt.owner):
            return await self.overtaken(attempt)
        raise self._come_back(attempt, wait.until, reason)

    async def withdraw(self, attempt: Attempt, wait: Wait, *, error: str | None = None) -> Outcome:
        """A marked message whose call certainly had no effect waits for its next attempt."""
        reason = str(wait.reason or Reason.PROVIDER_REFUSED)
        waiting = Waiting(until=wait.until, reason=reason, promised=wait.promised, error=error)
        if not await self._offload.run(self._messages.withdraw, attempt.message, waiting, owner=attempt.owner):
            return await self.overtaken(attempt)
        raise self._come_back(attempt, wait.until, reason)

    async def end(self, attempt: Attempt, end: End, *, error: str | None = None) -> Outcome:
        """A message that will never go."""
        still_ours = await self._offload.run(
            self._messages.end,
            attempt.message,
            end.status,
            owner=attempt.owner,
            reason=end.reason.value,
            error=error,
        )
        if not still_ours:
            return await self.overtaken(attempt)
        MESSAGES.labels(end.status.value, end.reason.value).inc()
        log.info(f"message.{end.status.value}", message_id=attempt.message.message_id, reason=end.reason.value)
        return Outcome(message_id=attempt.message.message_id, status=end.status, reason=end.reason)

    async def ask_again(
        self, attempt: Attempt, *, after: timedelta, error: str | None = None, heard: Heard = Heard.NOT_ASKED
    ) -> Outcome:
        """A marked message of which nothing is known yet is asked about later.

        Args:
            attempt: the attempt.
            after: how long to wait.
            error: what happened, for a person.
            heard: what its provider has just said.
        """
        until = self._clock.now() + after
        waiting = Waiting(until=until, reason=Reason.ANSWER_UNKNOWN.value, error=error)
        if not await self._offload.run(self._messages.park, attempt.message, waiting, owner=attempt.owner, heard=heard):
            return await self.overtaken(attempt)
        raise self._come_back(attempt, until, waiting.reason)

    async def uncertain(self, attempt: Attempt, reason: Reason, *, error: str | None = None) -> Outcome:
        """A person decides."""
        still_ours = await self._offload.run(
            self._messages.give_to_a_person, attempt.message, owner=attempt.owner, reason=reason.value, error=error
        )
        if not still_ours:
            return await self.overtaken(attempt)
        MESSAGES.labels(MessageStatus.UNCERTAIN.value, reason.value).inc()
        log.error("message.uncertain", message_id=attempt.message.message_id, reason=reason.value)
        return Outcome(message_id=attempt.message.message_id, status=MessageStatus.UNCERTAIN, reason=reason)

    async def overtaken(self, attempt: Attempt) -> Outcome:
        """Another attempt has the message, or has ended it: this one does nothing, but sees that it ends."""
        message = attempt.message
        current = await self._offload.run(self._messages.get, message.message_id, message.workspace_id)
        if current is None:
            raise Permanent("the message is gone")
        log.warning("message.overtaken", message_id=message.message_id, status=current.status.value)
        if current.status in UNFINISHED:
            raise NotNow(self._clock.now() + _OVERTAKEN * (1 + self._random()), "another attempt has the message")
        return Outcome(
            message_id=message.message_id,
            status=current.status,
            reason=current.reason,
            provider_message_id=current.provider_message_id,
        )

    def _come_back(self, attempt: Attempt, until: datetime, reason: str) -> NotNow:
        MESSAGES.labels("waits", reason).inc()
        log.info(
            "message.postponed", message_id=attempt.message.message_id, not_before=until.isoformat(), reason=reason
        )
        return NotNow(until, reason)
