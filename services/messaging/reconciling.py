"""Finds out what became of a message that may have gone out: asks its provider, and acts on the answer."""

from datetime import datetime, timedelta

from libs.common.logging import get_logger
from libs.common.messages.reasons import Reason
from libs.common.messages.recipient import normal_recipient
from libs.common.messages.states import MessageStatus
from libs.common.offload import Offload
from libs.common.providers.errors import LineFault
from libs.common.providers.sending import CannotAsk, MessageSender, SearchAnswer
from libs.common.stores.messages import MessageStore, Recorded
from libs.common.stores.sending_lines import SendingLine
from services.messaging.attempt import Attempt
from services.messaging.endings import Endings
from services.messaging.metrics import RECONCILED
from services.messaging.outcomes import Outcome
from services.messaging.reconciliation import (
    CLOCK_SLACK,
    AskAgain,
    Decision,
    ItWent,
    SendAgain,
    Uncertain,
    decide_reconciliation,
)
from services.messaging.senders import Senders
from services.messaging.workspaces import Workspaces

log = get_logger(__name__)


class Reconciler:
    """Asks providers about messages that are marked as dispatched.

    Args:
        messages: the messages.
        workspaces: reads workspaces.
        senders: the lines' adapters.
        endings: how attempts end.
        offload: where blocking calls run.
        patience: how long a provider that cannot be asked is asked again.
        leaves_within: how long after its mark a call may still begin.
        region: where phone numbers without a country code are read.
    """

    def __init__(
        self,
        messages: MessageStore,
        workspaces: Workspaces,
        senders: Senders,
        endings: Endings,
        offload: Offload,
        *,
        patience: timedelta,
        leaves_within: timedelta,
        region: str,
    ) -> None:
        self._messages = messages
        self._workspaces = workspaces
        self._senders = senders
        self._endings = endings
        self._offload = offload
        self._patience = patience
        self._leaves_within = leaves_within
        self._region = region

    async def reconcile(self, attempt: Attempt) -> Outcome | Attempt:
        """What became of the message; the attempt itself, its mark taken back, where it shall be sent again.

        Raises:
            NotNow: it cannot be told yet.
            StoreUnavailable: MongoDB is away.
        """
        message = attempt.message
        workspace = await self._workspaces.get(message.workspace_id)
        line = workspace.lines.get(message.line_id or "")
        decision = await self._decide(attempt, line)
        RECONCILED.labels(type(decision).__name__).inc()
        if isinstance(decision, ItWent) and line is not None:
            for candidate in decision.candidates:
                name = candidate.provider_message_id
                recorded = await self._offload.run(
                    self._messages.record_sent, message, line_id=line.line_id, provider_message_id=name
                )
                if recorded in (Recorded.SENT, Recorded.KNOWN):
                    log.info("message.found_sent", message_id=message.message_id, provider_message_id=name)
                    return Outcome(message_id=message.message_id, status=MessageStatus.SENT, provider_message_id=name)
            decision = decision.otherwise
        return await self._act(attempt, decision)

    async def _decide(self, attempt: Attempt, line: SendingLine | None) -> Decision:
        message = attempt.message
        marked_at, asked_at = message.dispatched_at, message.claimed_at
        sender = self._sender(line)
        if sender is None or marked_at is None or asked_at is None:
            # A line that is gone will not come back; one that cannot be used now may be mended.
            answer: SearchAnswer = CannotAsk(reason="the line cannot be used", lasting=line is None)
            settles_within = self._patience
        else:
            settles_within = sender.settles_within
            answer = await self._ask(attempt, sender, marked_at, asked_at + CLOCK_SLACK)
            log.info("message.asked_about", message_id=message.message_id, answer=type(answer).__name__)
        return decide_reconciliation(
            answer,
            since_mark=_between(marked_at, asked_at),
            absent_for=_between(message.absent_since, asked_at),
            unheard_for=_between(message.unheard_since, asked_at),
            leaves_within=self._leaves_within,
            settles_within=settles_within,
            patience=self._patience,
        )

    async def _ask(self, attempt: Attempt, sender: MessageSender, marked_at: datetime, until: datetime) -> SearchAnswer:
        message = attempt.message
        handle = normal_recipient(message.to, region=self._region) or message.to
        return await sender.find(
            attempt.outgoing(handle, starts_conversation=message.starts_conversation),
            since=marked_at - CLOCK_SLACK,
            until=until,
        )

    async def _act(self, attempt: Attempt, decision: Decision) -> Outcome | Attempt:
        message, owner = attempt.message, attempt.owner
        if isinstance(decision, SendAgain):
            log.info("message.certainly_absent", message_id=message.message_id)
            unmarked = await self._offload.run(self._messages.unmark, message, owner=owner)
            if unmarked is None:
                return await self._endings.overtaken(attempt)
            return Attempt(message=unmarked, owner=owner)
        if isinstance(decision, AskAgain):
            return await self._endings.ask_again(attempt, after=decision.after, heard=decision.heard)
        reason = decision.reason if isinstance(decision, Uncertain) else Reason.ANSWER_UNKNOWN
        return await self._endings.uncertain(attempt, reason)

    def _sender(self, line: SendingLine | None) -> MessageSender | None:
        try:
            return self._senders.of(line) if line else None
        except LineFault as fault:
            log.warning("line.unusable", line_id=line.line_id if line else None, reason=fault.reason)
            return None


def _between(earlier: datetime | None, later: datetime | None) -> timedelta:
    return later - earlier if earlier and later else timedelta(0)
