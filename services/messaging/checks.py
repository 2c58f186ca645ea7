"""Whether a message may go now, and through which line: opted out, stopped, no usable line, above what it may bear."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from libs.common.budgets.contract import Budgets, Granted, Later, Wish
from libs.common.clock import Clock
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from libs.common.messages.model import Message
from libs.common.messages.reasons import Reason
from libs.common.messages.recipient import normal_recipient
from libs.common.messages.states import MessageStatus
from libs.common.messages.stops import Cancel, Hold, Stop, StopScope, decide_stops
from libs.common.offload import Offload
from libs.common.providers.senders import reaches
from libs.common.stores.lines import HealthStatus, LineStatus
from libs.common.stores.messages import Dispatch, MessageStore
from libs.common.stores.sending_lines import SendingLine
from libs.common.stores.stops import Concerned, StopStore
from services.messaging.line_faults import LineFaults
from services.messaging.lines import Candidate, Chosen, LineState, NoLine, choose_line
from services.messaging.workspaces import Workspace, Workspaces

log = get_logger(__name__)

LOOK_AGAIN: Final = timedelta(minutes=1)
"""How long a message waits for a line to come back before it looks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The message may go.

    Args:
        workspace: its workspace.
        line: the line that sends it.
        wish: what was reserved for it.
        concerned: what may still be stopped about it.
    """

    workspace: Workspace
    line: SendingLine
    wish: Wish
    concerned: Concerned

    @property
    def dispatch(self) -> Dispatch:
        """How it is handed over."""
        return Dispatch(line_id=self.wish.line_id, starts_conversation=self.wish.starts_conversation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The message may not go now.

    Args:
        until: when it is tried next.
        reason: the limit that binds; ``None``: the one that it was told before.
        promised: the line on which that moment is its own, where it is.
    """

    until: datetime
    reason: Reason | None
    promised: Dispatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The message will never go.

    Args:
        status: how it ends.
        reason: why.
    """

    status: MessageStatus
    reason: Reason


class Checks:
    """Checks messages.

    Args:
        workspaces: reads workspaces.
        messages: reads conversations.
        stops: reads stops and opt-outs.
        budgets: reserves slots.
        line_faults: which lines were at fault a moment ago.
        offload: where blocking calls run.
        clock: tells when to come back.
        random: spreads those who look again.
        region: where phone numbers without a country code are read.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        messages: MessageStore,
        stops: StopStore,
        budgets: Budgets,
        line_faults: LineFaults,
        offload: Offload,
        *,
        clock: Clock,
        random: Callable[[], float],
        region: str,
    ) -> None:
        self._workspaces = workspaces
        self._messages = messages
        self._stops = stops
        self._budgets = budgets
        self._line_faults = line_faults
        self._offload = offload
        self._clock = clock
        self._random = random
        self._region = region

    async def check(self, message: Message) -> Ready | Wait | End:
        """Whether ``message`` may go now; its slot is reserved then.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        handle = normal_recipient(message.to, region=self._region)
        if handle is None:
            return End(status=MessageStatus.FAILED, reason=Reason.INVALID_RECIPIENT)
        if not message.text.strip():
            return End(status=MessageStatus.FAILED, reason=Reason.EMPTY_TEXT)
        workspace = await self._workspaces.get(message.workspace_id)
        concerned = concern_of(message, handle, tuple(workspace.lines))
        stops, opted_out = await self._offload.run(self._read_stops, concerned)
        others = [stop for stop in stops if stop.scope is not StopScope.LINE]
        if verdict := decide_stops(others, opted_out=opted_out, now=self._clock.now()):
            return as_answer(verdict)
        chosen = await self._choose(message, handle, workspace, [s for s in stops if s.scope is StopScope.LINE])
        if isinstance(chosen, NoLine):
            return Wait(until=self._clock.now() + LOOK_AGAIN * (1 + self._random()), reason=chosen.reason)
        wish = Wish(
            message_id=message.message_id,
            line_id=chosen.line_id,
            recipient=handle,
            starts_conversation=chosen.starts_conversation,
        )
        ready = Ready(
            workspace=workspace,
            line=workspace.lines[chosen.line_id],
            wish=wish,
            concerned=concern_of(message, handle, (chosen.line_id,)),
        )
        return await self._reserve(message, ready)

    async def look_once_more(self, ready: Ready) -> Wait | End | None:
        """What has changed since :meth:`check`, read at the last instant before the call; ``None``: nothing.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        stops, opted_out = await self._offload.run(self._read_stops, ready.concerned)
        if verdict := decide_stops(stops, opted_out=opted_out, now=self._clock.now()):
            return as_answer(verdict)
        answer = await self._offload.run(self._reserve_again, ready)
        return _wait_of(answer, ready.dispatch) if isinstance(answer, Later) else None

    async def give_back(self, ready: Ready) -> None:
        """Undoes the reservation of a message that certainly did not go."""
        await self._offload.run(self._give_back, ready.concerned.workspace_id, ready.wish)

    def _read_stops(self, concerned: Concerned) -> tuple[list[Stop], bool]:
        return self._stops.concerning(concerned), self._stops.has_opted_out(concerned)

    async def _choose(
        self, message: Message, handle: str, workspace: Workspace, line_stops: list[Stop]
    ) -> Chosen | NoLine:
        conversation = await self._offload.run(self._messages.conversation_line, message, handle)
        now = self._clock.now()
        stopped = {stop.target for stop in line_stops if decide_stops([stop], opted_out=False, now=now)}
        loads = {} if conversation in workspace.lines else await self._offload.run(self._loads, workspace)
        candidates = [
            Candidate(
                line_id=line.line_id,
                state=state_of(
                    line,
                    stopped=line.line_id in stopped,
                    was_at_fault=self._line_faults.was_at_fault(line.line_id),
                ),
                load=loads.get(line.line_id, 0.0),
                reaches=reaches(line.provider, handle),
            )
            for line in workspace.lines.values()
        ]
        return choose_line(candidates, conversation=conversation, wished=message.line_id)

    async def _reserve(self, message: Message, ready: Ready) -> Ready | Wait:
        before = message.line_id
        if before is not None and before != ready.wish.line_id and before in ready.workspace.lines:
            old = Wish(
                message_id=message.message_id, line_id=before, recipient=ready.wish.recipient, starts_conversation=False
            )
            await self._offload.run(self._give_back, message.workspace_id, old)
        answer = await self._offload.run(self._budgets.reserve, ready.workspace.budget, ready.wish)
        return ready if isinstance(answer, Granted) else _wait_of(answer, ready.dispatch)

    def _reserve_again(self, ready: Ready) -> Granted | Later:
        """Reserves anew where the store of budgets has lost the reservation since."""
        budget = ready.workspace.budget
        if self._budgets.still_reserved(budget, ready.wish):
            return Granted()
        return self._budgets.reserve(budget, ready.wish)

    def _loads(self, workspace: Workspace) -> dict[str, float]:
        return self._budgets.loads(workspace.budget)

    def _give_back(self, workspace_id: str, wish: Wish) -> None:
        try:
            self._budgets.give_back(workspace_id, wish)
        except StoreUnavailable as error:
            # The limit counts one message too many until its day is over, or until Redis is filled anew.
            log.warning("reservation.not_given_back", message_id=wish.message_id, error=error.reason)


def concern_of(message: Message, handle: str, line_ids: tuple[str, ...]) -> Concerned:
    """What may be stopped about a message."""
    return Concerned(
        workspace_id=message.workspace_id,
        recipient=handle,
        line_ids=line_ids,
        campaign_id=message.campaign_id,
        lead_id=message.lead_id,
    )


def state_of(line: SendingLine, *, stopped: bool, was_at_fault: bool) -> LineState:
    """Whether a line may be used now."""
    if line.status is LineStatus.RETIRED:
        return LineState.RETIRED
    if stopped:
        return LineState.STOPPED
    if line.status is LineStatus.PAUSED:
        return LineState.PAUSED
    if line.problem is not None:
        return LineState.MISCONFIGURED
    if line.health is HealthStatus.DOWN:
        return LineState.DOWN
    return LineState.DEGRADED if was_at_fault or line.health is HealthStatus.DEGRADED else LineState.READY


def as_answer(verdict: Hold | Cancel) -> Wait | End:
    """What a stop means, as an answer of the checks."""
    if isinstance(verdict, Cancel):
        return End(status=MessageStatus.CANCELLED, reason=verdict.reason)
    return Wait(until=verdict.until, reason=verdict.reason)


def _wait_of(later: Later, dispatch: Dispatch) -> Wait:
    return Wait(until=later.at, reason=later.reason, promised=dispatch if later.promised else None)
