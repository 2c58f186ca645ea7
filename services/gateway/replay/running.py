"""Carrying a replay out: page by page, with progress from which another worker goes on.

Nothing is sent here. A replayed message is queued and gets a job as if it had just become due, so the same budgets,
quiet hours and stops spread it at the lines' pace.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from libs.common.broker.actors import JobContext
from libs.common.broker.enqueue import job_from
from libs.common.clock import Clock
from libs.common.errors import StoreUnavailable
from libs.common.ids import IdFactory
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.jobs.message_replay import MessageReplay
from libs.common.logging import get_logger
from libs.common.stores.message_replay import ReplayCount
from services.gateway.asked_queues import AddsJobs
from services.gateway.turns import LONGEST_TURN, Turns

log = get_logger(__name__)

_PAGE: Final = 500


class ReplayStore(Protocol):
    """What a replay asks of MongoDB; :class:`libs.common.stores.message_replay.MessageReplayStore` does it."""

    def count(self, order: MessageReplay, *, sample: int) -> ReplayCount:
        """How many messages there are."""
        ...

    def page(self, order: MessageReplay, *, after: str, limit: int) -> list[str]:
        """The ids of some."""
        ...

    def queue_again(self, order: MessageReplay, message_ids: Sequence[str], *, by: str) -> list[str]:
        """Queues them; answers which it were."""
        ...


class ReplayProgress(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How far a replay is.

    Args:
        expected: how many messages there were when it began; at least, where that is not exact.
        expected_is_exact: whether it is.
        queued: how many were queued again.
        after: the last message that was looked at.
        has_ended: whether there are no more.
    """

    expected: int = 0
    expected_is_exact: bool = True
    queued: int = 0
    after: str = ""
    has_ended: bool = False


class Replays:
    """Runs replays.

    Args:
        store: where messages are.
        queue: the queue of messages.
        progress_of: what a job last told of its progress.
        clock: tells the time.
        new_id: makes the ids of jobs.
        monotonic: tells seconds.
        longest_turn: after how long a run lets go of its worker.
    """

    def __init__(
        self,
        store: ReplayStore,
        queue: AddsJobs,
        progress_of: Callable[[str], Mapping[str, Any] | None],
        *,
        clock: Clock,
        new_id: IdFactory,
        monotonic: Callable[[], float] = time.monotonic,
        longest_turn: timedelta = LONGEST_TURN,
    ) -> None:
        self._store = store
        self._queue = queue
        self._progress_of = progress_of
        self._new_id = new_id
        self._turns = Turns(clock=clock, monotonic=monotonic, longest=longest_turn)

    async def run(self, order: MessageReplay, job: JobContext) -> dict[str, Any]:
        """Queues all messages that fit, from where an earlier attempt has come to.

        Raises:
            JobCancelled: a person has ended the run; what was queued stays queued.
            NotNow: the run has had its turn and goes on later.
            StoreUnavailable: MongoDB is away; the run goes on when it is back.
        """
        begin = partial(self._begin, order, job.job_id)
        progress = await self._turns.run(begin, partial(self._step, order, job.job_id), job)
        log.info("messages.replayed", workspace_id=order.workspace_id, messages=progress.queued)
        return {"queued": progress.queued}

    def _begin(self, order: MessageReplay, job_id: str) -> ReplayProgress:
        if told := self._progress_of(job_id):
            return msgspec.convert(told, ReplayProgress)
        found = self._store.count(order, sample=0)
        return ReplayProgress(expected=found.count, expected_is_exact=found.exact)

    def _step(self, order: MessageReplay, job_id: str, progress: ReplayProgress) -> ReplayProgress:
        page = self._store.page(order, after=progress.after, limit=_PAGE)
        queued = self._store.queue_again(order, page, by=job_id) if page else []
        self._enqueue(order.workspace_id, queued)
        return msgspec.structs.replace(
            progress,
            queued=progress.queued + len(queued),
            after=page[-1] if page else progress.after,
            has_ended=len(page) < _PAGE,
        )

    def _enqueue(self, workspace_id: str, message_ids: Sequence[str]) -> None:
        jobs = [
            job_from(
                MESSAGE_PROCESSING,
                MessageProcessing(message_id=message_id, workspace_id=workspace_id),
                job_id=self._new_id(),
            )
            for message_id in message_ids
        ]
        try:
            self._queue.add(jobs)
        except StoreUnavailable as error:
            # The minute's tick finds queued messages that have no job.
            log.warning("messages.left_to_tick", messages=len(jobs), error=error.reason)
