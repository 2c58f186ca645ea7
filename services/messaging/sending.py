"""Sends one message, at most once, however often and by however many it is tried.

The order of the steps is the promise:

1. *claim* the message: one attempt at a time may act on it;
2. where an earlier attempt may have sent it, *reconcile*: its provider knows;
3. *check* that it may go, and reserve its way;
4. *mark* it as dispatched: from here on it may have gone out;
5. *look once more* at stops, opt-outs and the reservation, and make the call if no time was lost since the mark;
6. *record* the answer: sent; or certainly not, and it is queued again; or unknown, and the next attempt begins at 2.

Whatever dies or stands still between two steps: before 4 nothing can have gone out, after 4 nothing goes out before 2.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from libs.common.clock import Clock
from libs.common.errors import Permanent, StoreUnavailable
from libs.common.logging import get_logger
from libs.common.messages.model import Message
from libs.common.messages.reasons import Reason
from libs.common.messages.states import MessageStatus
from libs.common.offload import Offload
from libs.common.providers.errors import LineFault
from libs.common.providers.last_moment import NotSent, last_moment
from libs.common.providers.sending import MessageSender, Refused, SendAnswer, Sent, Unknown
from libs.common.stores.messages import MessageStore, Recorded
from services.messaging.attempt import Attempt
from services.messaging.checks import LOOK_AGAIN, Checks, End, Ready, Wait
from services.messaging.endings import Endings
from services.messaging.fault_points import AtFaultPoint, FaultPoint, no_faults
from services.messaging.left_after_stop import LeftAfterStop
from services.messaging.line_faults import LineFaults
from services.messaging.metrics import MESSAGES, SEND_SECONDS, SENT_TWICE
from services.messaging.outcomes import Outcome
from services.messaging.reconciling import Reconciler
from services.messaging.retries import GiveUp, decide_after_refusal
from services.messaging.senders import Senders
from services.messaging.stopwatch import Stopwatch

log = get_logger(__name__)

_ASK_FIRST: Final = timedelta(seconds=2)
_LATEST_CHECK: Final = 0.8
"""The share of the time to leave in which a call is let go; the rest is for the writing, which the kernel cuts off."""
_RECORD_PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""How long an answer is held on to while MongoDB is away; after that the provider is asked for it."""


class Sending:
    """Sends messages.

    Args:
        messages: the messages.
        checks: whether they may go.
        reconciler: what became of those that may have gone.
        senders: the lines' adapters.
        endings: how attempts end.
        line_faults: which lines were at fault a moment ago.
        left_after_stop: measures what left although a stop was in force.
        offload: where blocking calls run.
        clock: tells when to come back.
        random: spreads those who come back.
        new_token: makes what sets one attempt apart from all others.
        lease: for how long an attempt takes a message.
        leaves_within: how soon after its mark a message must leave.
        at: called at the points where tests let things go wrong.
    """

    def __init__(
        self,
        messages: MessageStore,
        checks: Checks,
        reconciler: Reconciler,
        senders: Senders,
        endings: Endings,
        line_faults: LineFaults,
        left_after_stop: LeftAfterStop,
        offload: Offload,
        *,
        clock: Clock,
        random: Callable[[], float],
        new_token: Callable[[], str],
        lease: timedelta,
        leaves_within: timedelta,
        at: AtFaultPoint = no_faults,
    ) -> None:
        self._messages = messages
        self._checks = checks
        self._reconciler = reconciler
        self._senders = senders
        self._endings = endings
        self._line_faults = line_faults
        self._left_after_stop = left_after_stop
        self._offload = offload
        self._clock = clock
        self._random = random
        self._new_token = new_token
        self._lease = lease
        self._leaves_within = leaves_within
        self._at = at

    async def process(self, message_id: str, workspace_id: str, *, job_id: str) -> Outcome:
        """Sends a message if it is there to be sent, and may be now.

        Args:
            message_id: which message.
            workspace_id: whose it is.
            job_id: the job that this run belongs to.

        Returns:
            Where the message is now.

        Raises:
            NotNow: it may not go yet, or its provider has to be asked again; until when, and why.
            Permanent: the workspace has no such message.
            StoreUnavailable: MongoDB is away.
        """
        owner = f"{job_id}/{self._new_token()}"
        message = await self._offload.run(
            self._messages.claim, message_id, workspace_id, owner=owner, job_id=job_id, lease=self._lease
        )
        if message is None:
            return await self._not_to_be_had(message_id, workspace_id)
        await self._at(FaultPoint.CLAIMED)
        attempt = Attempt(message=message, owner=owner)
        if message.dispatched_at is not None:
            found = await self._reconciler.reconcile(attempt)
            if isinstance(found, Outcome):
                return found
            attempt = found
        return await self._send(attempt)

    async def _not_to_be_had(self, message_id: str, workspace_id: str) -> Outcome:
        current = await self._offload.run(self._messages.get, message_id, workspace_id)
        if current is None:
            raise Permanent("the workspace has no such message")
        reason = Reason.NOT_DUE if current.status is MessageStatus.SCHEDULED else current.reason
        return Outcome(
            message_id=message_id,
            status=current.status,
            reason=reason,
            provider_message_id=current.provider_message_id,
        )

    async def _send(self, attempt: Attempt) -> Outcome:
        verdict = await self._checks.check(attempt.message)
        if isinstance(verdict, Wait):
            return await self._endings.wait(attempt, verdict)
        if isinstance(verdict, End):
            return await self._endings.end(attempt, verdict)
        await self._at(FaultPoint.RESERVED)
        try:
            sender = self._senders.of(verdict.line)
        except LineFault as fault:
            await self._checks.give_back(verdict)
            self._line_faults.note(verdict.line.line_id)
            later = Wait(until=self._clock.now() + LOOK_AGAIN * (1 + self._random()), reason=Reason.LINE_FAULT)
            return await self._endings.wait(attempt, later, error=fault.reason)
        return await self._dispatch(attempt, verdict, sender)

    async def _dispatch(self, attempt: Attempt, ready: Ready, sender: MessageSender) -> Outcome:
        since_mark = Stopwatch()
        marked = await self._offload.run(
            self._messages.mark, attempt.message, ready.dispatch, owner=attempt.owner, lease=self._lease
        )
        if marked is None:
            await self._checks.give_back(ready)
            return await self._endings.overtaken(attempt)
        attempt = Attempt(message=marked, owner=attempt.owner)
        await self._at(FaultPoint.MARKED)
        verdict = await self._checks.look_once_more(ready)
        if verdict is not None:
            return await self._held_back(attempt, ready, verdict)
        answer = await self._call(attempt, ready, sender, since_mark)
        await self._at(FaultPoint.ANSWERED)
        outcome = await self._record(attempt, ready, answer)
        await self._at(FaultPoint.RECORDED)
        return outcome

    async def _held_back(self, attempt: Attempt, ready: Ready, verdict: Wait | End) -> Outcome:
        if isinstance(verdict, End):
            await self._checks.give_back(ready)
            return await self._endings.end(attempt, verdict)
        if verdict.promised is None:
            await self._checks.give_back(ready)
        return await self._endings.withdraw(attempt, verdict)

    async def _call(self, attempt: Attempt, ready: Ready, sender: MessageSender, since_mark: Stopwatch) -> SendAnswer:
        """Makes the call, unless so much time was lost since the mark that another attempt may be at work."""
        outgoing = attempt.outgoing(ready.wish.recipient, starts_conversation=ready.wish.starts_conversation)
        held_back = Refused(reason="too much time was lost before the call", busy=True)
        began = time.monotonic()
        latest = self._leaves_within * _LATEST_CHECK
        deadline = since_mark.end_of(self._leaves_within)
        with last_moment(lambda: since_mark.within(latest), dead_by=deadline) as moment:
            try:
                answer = await sender.send(outgoing)
            except NotSent:
                answer = held_back
        if moment.held_back and isinstance(answer, Unknown):
            answer = held_back
        SEND_SECONDS.labels(ready.line.provider, type(answer).__name__.lower()).observe(time.monotonic() - began)
        return answer

    async def _record(self, attempt: Attempt, ready: Ready, answer: SendAnswer) -> Outcome:
        if isinstance(answer, Sent):
            return await self._record_sent(attempt, ready, answer)
        if isinstance(answer, Unknown):
            log.warning("message.answer_unknown", message_id=attempt.message.message_id, reason=answer.reason)
            return await self._endings.ask_again(attempt, after=_ASK_FIRST, error=answer.reason)
        await self._checks.give_back(ready)
        if answer.line_fault:
            self._line_faults.note(ready.line.line_id)
        decision = decide_after_refusal(
            answer,
            attempts=attempt.message.attempts,
            may_move=ready.wish.starts_conversation and len(ready.workspace.lines) > 1,
            now=self._clock.now(),
            random=self._random,
        )
        log.info("message.refused", message_id=attempt.message.message_id, reason=answer.reason)
        if isinstance(decision, GiveUp):
            end = End(status=MessageStatus.FAILED, reason=decision.reason)
            return await self._endings.end(attempt, end, error=answer.reason)
        wait = Wait(until=decision.at, reason=decision.reason)
        return await self._endings.withdraw(attempt, wait, error=answer.reason)

    async def _record_sent(self, attempt: Attempt, ready: Ready, answer: Sent) -> Outcome:
        self._line_faults.forget(ready.line.line_id)
        recorded = await self._hold_on_to(attempt.message, ready.line.line_id, answer)
        if recorded is Recorded.OTHERS:
            # The provider has named a message that is another one of ours, so this one's fate is open.
            return await self._endings.ask_again(attempt, after=_ASK_FIRST, error="named another message of ours")
        if recorded is Recorded.TWICE:
            SENT_TWICE.inc()
            log.error("message.sent_twice", message_id=attempt.message.message_id, line_id=ready.line.line_id)
        else:
            MESSAGES.labels(MessageStatus.SENT.value, "").inc()
            log.info(
                "message.sent",
                message_id=attempt.message.message_id,
                line_id=ready.line.line_id,
                workspace_id=attempt.message.workspace_id,
            )
        await self._left_after_stop.measure(attempt.message, ready.concerned)
        return Outcome(
            message_id=attempt.message.message_id,
            status=MessageStatus.SENT,
            provider_message_id=answer.provider_message_id,
        )

    async def _hold_on_to(self, message: Message, line_id: str, answer: Sent) -> Recorded:
        """Records the answer, also where MongoDB is away for a while."""
        record = partial(
            self._messages.record_sent, message, line_id=line_id, provider_message_id=answer.provider_message_id
        )
        for pause_s in _RECORD_PAUSES_S:
            try:
                return await self._offload.run(record)
            except StoreUnavailable:
                await asyncio.sleep(pause_s)
        return await self._offload.run(record)
