"""What people ask and decide about messages: why one waits, when the last of many goes, what becomes of it, stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Protocol

import msgspec

from libs.common.broker.enqueue import job_from
from libs.common.budgets.contract import WorkspaceBudget
from libs.common.budgets.forecast import forecast
from libs.common.budgets.records import RecordReader, Records
from libs.common.clock import Clock
from libs.common.errors import InvalidInput, StoreUnavailable
from libs.common.ids import IdFactory
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.logging import get_logger
from libs.common.messages.explaining import Explanation, explain
from libs.common.messages.model import Message
from libs.common.messages.recipient import normal_recipient
from libs.common.messages.stops import Cancel, Hold, Stop, StopScope, decide_stops, reason_of
from libs.common.stores.lines import HealthStatus, LineStatus
from libs.common.stores.message_desk import MessageDesk, Resolution
from libs.common.stores.sending_lines import SendingLineStore
from libs.common.stores.stops import Concerned, StopStore
from libs.common.stores.workspace_limits import WorkspaceLimitStore
from services.gateway.asked_queues import AddsJobs, CountsJobs

log = get_logger(__name__)

MOST_WOKEN: Final = 10_000
"""How many messages a lifted stop wakes at once; the others look again within minutes."""


class MessageQueue(AddsJobs, CountsJobs, Protocol):
    """What is asked of the queue of messages; :class:`libs.common.broker.queue.JobQueue` does it."""

    def promote(self, job_id: str) -> bool:
        """Lets a delayed job run now."""
        ...


class CampaignReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How far a campaign is, and when its last message will have gone.

    Args:
        by_status: how many messages are where.
        waiting_for: of those that wait, how many for what.
        last_at: when the last one goes if nothing changes; ``None`` where none waits, or not all go within a year.
        not_within_a_year: how many do not.
    """

    workspace_id: str
    campaign_id: str
    by_status: dict[str, int]
    waiting_for: dict[str, int]
    last_at: datetime | None = None
    not_within_a_year: int = 0


class StopOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An order to stop, as a caller writes it."""

    scope: StopScope
    workspace_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    cancel: bool = False
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class StopReceipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What placing or lifting a stop did.

    Args:
        cancelled: messages that it cancelled at once.
        woken: messages that look again at once.
        stop: the stop; ``None`` where it was lifted.
    """

    cancelled: int = 0
    woken: int = 0
    stop: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What a workspace's lines may bear, and what was sent and promised.

    Args:
        budget: the limits.
        usable: the ids of the lines that send now.
        records: the counts.
    """

    budget: WorkspaceBudget
    usable: Sequence[str]
    records: Records


class Messages:
    """Answers and decides.

    Args:
        desk: decisions, reports and questions about messages.
        stops: the stops.
        lines: the lines.
        limits: the workspaces' limits.
        records: what was sent and promised.
        queue: the queue of messages.
        clock: tells the time.
        new_id: makes the ids of jobs.
        region: where phone numbers without a country code are read.
    """

    def __init__(
        self,
        desk: MessageDesk,
        stops: StopStore,
        lines: SendingLineStore,
        limits: WorkspaceLimitStore,
        records: RecordReader,
        queue: MessageQueue,
        *,
        clock: Clock,
        new_id: IdFactory,
        region: str,
    ) -> None:
        self._desk = desk
        self._stops = stops
        self._lines = lines
        self._limits = limits
        self._records = records
        self._queue = queue
        self._clock = clock
        self._new_id = new_id
        self._region = region

    def explain(self, message_id: str) -> Explanation | None:
        """Why a message is not sent yet; ``None`` where there is none of this id.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        message = self._desk.find(message_id)
        if message is None:
            return None
        now = self._clock.now()
        return explain(message, stopped=self._stopped(message, now), queue_paused=self._paused(), now=now)

    def workspace_of(self, message_id: str) -> str | None:
        """Whose message it is; ``None`` where there is none of this id.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        message = self._desk.find(message_id)
        return message.workspace_id if message else None

    def campaign(self, workspace_id: str, campaign_id: str) -> CampaignReport:
        """How far a campaign is, and when its last message will have gone.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        now = self._clock.now()
        state = self._desk.campaign(workspace_id, campaign_id, now=now)
        books = self.books(workspace_id)
        found = forecast(books.budget, books.usable, books.records, messages=state.unpromised, now=now)
        moments = [state.promised_until, found.last_at if state.unpromised else None]
        return CampaignReport(
            workspace_id=workspace_id,
            campaign_id=campaign_id,
            by_status=dict(state.by_status),
            waiting_for=dict(state.by_reason),
            last_at=None if found.unplaced else max((moment for moment in moments if moment), default=None),
            not_within_a_year=found.unplaced,
        )

    def books(self, workspace_id: str) -> Books:
        """What a workspace's lines may bear, and what was sent and promised.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        budget, usable = self._budget(workspace_id)
        return Books(budget=budget, usable=usable, records=self._records.read(budget, now=self._clock.now()))

    def uncertain(self, workspace_id: str | None, *, limit: int) -> list[Message]:
        """Messages that wait for a person.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return self._desk.uncertain(workspace_id, limit=limit)

    def count_uncertain(self, workspace_id: str | None, *, most: int) -> int:
        """How many messages wait for a person, up to ``most``.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return self._desk.count_uncertain(workspace_id, most=most)

    def resolve(self, message_id: str, resolution: Resolution, *, by: str) -> Message | None:
        """Carries out a person's decision; ``None`` where there is nothing to decide about the message.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        message = self._desk.resolve(message_id, resolution, by=by)
        if message is not None:
            log.info("message.resolved", message_id=message_id, resolution=resolution.value, by=by)
            if resolution is Resolution.RESEND:
                self._enqueue(message)
        return message

    def cancel(self, message_id: str) -> Message | None:
        """Cancels a message that nobody has begun to send.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return self._desk.cancel(message_id)

    def stop(self, order: StopOrder) -> StopReceipt:
        """Puts a stop in force, at once.

        Raises:
            InvalidInput: the order names no target, or one that cannot be.
            StoreUnavailable: MongoDB is away.
        """
        target = self._target(order)
        stop = self._stops.place(
            order.scope, order.workspace_id, target, until=order.until, cancels=order.cancel, reason=order.reason
        )
        log.warning("stop.placed", scope=order.scope.value, workspace_id=order.workspace_id, cancels=order.cancel)
        cancelled = 0
        if order.cancel:
            cancelled = self._desk.cancel_waiting(order.scope, order.workspace_id, target, reason_of(stop))
        return StopReceipt(stop=stop, cancelled=cancelled)

    def lift(self, order: StopOrder) -> StopReceipt | None:
        """Ends a stop and wakes what waits under it; ``None`` where there is none.

        Raises:
            InvalidInput: the order names no target, or one that cannot be.
            StoreUnavailable: MongoDB is away.
        """
        target = self._target(order)
        found = [
            s for s in self._stops.of_workspace(order.workspace_id) if (s.scope, s.target) == (order.scope, target)
        ]
        if not found or not self._stops.lift(order.scope, order.workspace_id, target):
            return None
        log.warning("stop.lifted", scope=order.scope.value, workspace_id=order.workspace_id)
        jobs = self._desk.wake(order.scope, order.workspace_id, target, reason_of(found[0]), limit=MOST_WOKEN)
        try:
            woken = sum(self._queue.promote(job_id) for job_id in jobs)
        except StoreUnavailable as error:
            log.warning("messages.not_woken", error=error.reason)
            woken = 0
        return StopReceipt(woken=woken)

    def stops(self, workspace_id: str) -> list[Stop]:
        """The stops of a workspace.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        return self._stops.of_workspace(workspace_id)

    def _stopped(self, message: Message, now: datetime) -> Hold | Cancel | None:
        handle = normal_recipient(message.to, region=self._region) or message.to
        concerned = Concerned(
            workspace_id=message.workspace_id,
            recipient=handle,
            line_ids=(message.line_id,) if message.line_id else (),
            campaign_id=message.campaign_id,
            lead_id=message.lead_id,
        )
        stops, opted_out = self._stops.concerning(concerned), self._stops.has_opted_out(concerned)
        return decide_stops(stops, opted_out=opted_out, now=now)

    def _budget(self, workspace_id: str) -> tuple[WorkspaceBudget, list[str]]:
        lines, limits = self._lines.of_workspace(workspace_id), self._limits.get(workspace_id)
        budget = WorkspaceBudget(
            workspace_id=workspace_id,
            zone=limits.zone,
            lines=tuple(line.budget for line in lines),
            per_day=limits.per_day,
            recipient_gap=limits.recipient_gap,
            epoch=limits.epoch,
        )
        usable = [
            line.line_id
            for line in lines
            if line.status is LineStatus.ACTIVE and line.health is not HealthStatus.DOWN and line.problem is None
        ]
        return budget, usable

    def _target(self, order: StopOrder) -> str:
        if order.scope is StopScope.WORKSPACE:
            return order.workspace_id
        if order.target is None:
            raise InvalidInput("target", f"is required: the {order.scope.value} to stop")
        if order.scope is not StopScope.RECIPIENT:
            return order.target
        handle = normal_recipient(order.target, region=self._region)
        if handle is None:
            raise InvalidInput("target", "expected a phone number or an e-mail address")
        return handle

    def _paused(self) -> bool:
        try:
            return self._queue.stats().paused
        except StoreUnavailable:
            return False

    def _enqueue(self, message: Message) -> None:
        job = job_from(
            MESSAGE_PROCESSING,
            MessageProcessing(message_id=message.message_id, workspace_id=message.workspace_id),
            job_id=self._new_id(),
        )
        try:
            self._queue.add([job])
        except StoreUnavailable as error:
            # The minute's tick finds queued messages that have no job.
            log.warning("message.left_to_tick", message_id=message.message_id, error=error.reason)
