"""Gives every message that needs one a job: those whose time has come, and those whose job is gone.

Nothing is sent here, so nothing here needs to happen exactly once: a message has at most one unfinished job (its
unique key), and whatever runs claims the message before it does anything.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import Added, JobOptions, NewJob
from libs.common.clock import Clock
from libs.common.ids import derived_job_id
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.logging import get_logger
from libs.common.stores.due_messages import DueMessageStore, JobLess
from services.messaging.metrics import DUE, DUE_LATENESS_SECONDS, REQUEUED

log = get_logger(__name__)

MOST_LOOKED_AFTER: Final = 20_000
"""How many waiting messages one tick looks after; the next goes on where it ended."""

MOST_LEFT_IN_HAND: Final = 20
"""How many attempts at one message may die, and its jobs with them, before it is given up.

A death takes along whatever else its worker has in hand: of 5,000 messages among which workers died 159 times and stood
still 100 times, one was left in hand ten times and was no poison.
"""

_PAGE: Final = 1_000


class Queue(Protocol):
    """What is asked of a queue; :class:`libs.common.broker.queue.JobQueue` does it."""

    def add(self, jobs: Sequence[NewJob]) -> list[Added]:
        """Adds jobs; one whose unique key an unfinished job holds adds nothing."""
        ...


@dataclass(slots=True)
class TickReport:
    """What a tick did."""

    due: int = 0
    enqueued: int = 0
    requeued: int = 0
    finished: bool = True
    after: str | None = field(default=None, repr=False)


class DueMessages:
    """Looks after messages that need a job.

    Args:
        store: finds them.
        queue: the queue ``message-processing``.
        clock: tells what is due.
        batch: how many are claimed and enqueued at once.
        grace: how long a message may be without a job before it is looked after: longer than queueing one takes.
        time_limit: after how long a tick leaves the rest to the next one.
        monotonic: tells the time in seconds.
    """

    def __init__(
        self,
        store: DueMessageStore,
        queue: Queue,
        *,
        clock: Clock,
        batch: int,
        grace: timedelta = timedelta(seconds=60),
        time_limit: timedelta = timedelta(seconds=90),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._batch = batch
        self._grace = grace
        self._time_limit_s = time_limit.total_seconds()
        self._monotonic = monotonic
        self._looked_after_up_to: str | None = None

    def run_once(self, tick: str) -> TickReport:
        """Enqueues everything that is due, then looks after messages whose job may be gone.

        Args:
            tick: names this run; two runs of one tick make the same jobs.

        Raises:
            StoreUnavailable: MongoDB or Redis is away; what is left is found by the next tick.
        """
        began = self._monotonic()
        report = TickReport()
        for batch in self._due():
            queued = self._store.queue(batch, now=self._clock.now())
            report.due += queued
            report.enqueued += len(self._enqueue(batch, tick))
            DUE.inc(queued)
            if self._monotonic() - began > self._time_limit_s:
                report.finished = False
                break
        else:
            report.requeued = self._look_after(tick)
        log.info("due_messages.enqueued", due=report.due, enqueued=report.enqueued, requeued=report.requeued)
        return report

    def _due(self) -> Iterator[list[JobLess]]:
        while batch := self._store.due(self._clock.now(), limit=self._batch):
            if (oldest := batch[0].due_at) is not None:
                DUE_LATENESS_SECONDS.observe(max(0.0, (self._clock.now() - oldest).total_seconds()))
            yield batch
            if len(batch) < self._batch:
                return

    def _look_after(self, tick: str) -> int:
        now = self._clock.now()
        left = self._store.left_in_hand(lease_ended_before=now - self._grace / 2, limit=MOST_LOOKED_AFTER)
        left_again = self._requeue(left, tick, "sending")
        if left_again and (given_up := self._store.give_up(left_again, after=MOST_LEFT_IN_HAND, now=now)):
            log.error("messages.given_up", count=given_up)
        return len(left_again) + self._look_after_queued(tick, now)

    def _look_after_queued(self, tick: str, now: datetime) -> int:
        requeued = 0
        for _ in range(0, MOST_LOOKED_AFTER, _PAGE):
            page = self._store.queued(after=self._looked_after_up_to, untouched_since=now - self._grace, limit=_PAGE)
            requeued += len(self._requeue(page.messages, tick, "queued"))
            self._looked_after_up_to = page.after
            if page.after is None:
                break
        return requeued

    def _requeue(self, messages: Sequence[JobLess], tick: str, status: str) -> list[JobLess]:
        made = self._enqueue(messages, tick)
        if made:
            REQUEUED.labels(status).inc(len(made))
            log.warning("messages.requeued", count=len(made), status=status)
        return made

    def _enqueue(self, messages: Sequence[JobLess], tick: str) -> list[JobLess]:
        """Gives these messages jobs; answers those that had none."""
        if not messages:
            return []
        now = self._clock.now()
        # One workspace after the other: the queue takes those alike in one step.
        in_order = sorted(messages, key=lambda message: message.workspace_id)
        added = self._queue.add([_job(message, tick, now) for message in in_order])
        return [message for message, one in zip(in_order, added, strict=True) if one.created]


def _job(message: JobLess, tick: str, now: datetime) -> NewJob:
    wait = message.not_before - now if message.not_before else timedelta(0)
    return job_from(
        MESSAGE_PROCESSING,
        MessageProcessing(message_id=message.message_id, workspace_id=message.workspace_id),
        job_id=derived_job_id(MESSAGE_PROCESSING.job_type, message.message_id, tick),
        options=JobOptions(delay_ms=max(0, wait // timedelta(milliseconds=1))),
    )
