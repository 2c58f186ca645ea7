"""Carrying a bulk action out: page by page, with progress from which another worker goes on."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import msgspec

from libs.common.broker.actors import JobContext
from libs.common.clock import Clock
from libs.common.jobs.bulk_action import BulkOrder
from libs.common.logging import get_logger
from services.gateway.bulk.deeds import Deeds, ManyAtOnce
from services.gateway.bulk.selection import Place, SelectedQueue, Selection
from services.gateway.turns import LONGEST_TURN, Turns

log = get_logger(__name__)


class ActedQueue(SelectedQueue, ManyAtOnce, Protocol):
    """A queue whose jobs are found and acted on."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How far a run is.

    Args:
        expected: how many jobs there were when it began; at least, where that is not exact.
        expected_is_exact: whether it is.
        done: with how many it was done.
        refused: how many were left alone: another unfinished job stands for the same, or they moved on by themselves.
        place: where it goes on.
        has_ended: whether there is nothing left.
    """

    expected: int = 0
    expected_is_exact: bool = True
    done: int = 0
    refused: int = 0
    place: Place | None = None
    has_ended: bool = False


class BulkRuns:
    """Runs orders.

    Args:
        queues: every queue by its name.
        deeds: does it with a page of jobs.
        progress_of: what a job last told of its progress.
        clock: tells the time.
        monotonic: tells seconds.
        longest_turn: after how long a run lets go of its worker.
    """

    def __init__(
        self,
        queues: Mapping[str, ActedQueue],
        deeds: Deeds,
        progress_of: Callable[[str], Mapping[str, Any] | None],
        *,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        longest_turn: timedelta = LONGEST_TURN,
    ) -> None:
        self._queues = queues
        self._selection = Selection(queues, monotonic=monotonic)
        self._deeds = deeds
        self._progress_of = progress_of
        self._turns = Turns(clock=clock, monotonic=monotonic, longest=longest_turn)

    async def run(self, order: BulkOrder, job: JobContext) -> dict[str, Any]:
        """Does it with all jobs that fit, from where an earlier attempt has come to.

        A page that was done when its worker died is done again, which does nothing twice; its jobs may be missing from
        the counts then.

        Raises:
            JobCancelled: a person has ended the run; what was done stays done.
            NotNow: the run has had its turn and goes on later.
            StoreUnavailable: a store is away; the run goes on when it is back.
        """
        begin = partial(self._begin, order, job.job_id)
        progress = await self._turns.run(begin, partial(self._step, order, job.job_id), job)
        log.info("bulk_action.completed", action=order.action.value, done=progress.done, refused=progress.refused)
        return {"done": progress.done, "refused": progress.refused}

    def _begin(self, order: BulkOrder, own_id: str) -> Progress:
        told = self._progress_of(own_id)
        if told:
            return msgspec.convert(told, Progress)
        found = self._selection.preview(order, sample=0)
        return Progress(expected=found.count, expected_is_exact=found.exact)

    def _step(self, order: BulkOrder, own_id: str, progress: Progress) -> Progress:
        page = self._selection.page(order, progress.place)
        jobs = [view for view in page.jobs if view.job_id != own_id]
        done = self._deeds.do(order.action, self._queues[page.queue], jobs)
        return msgspec.structs.replace(
            progress,
            done=progress.done + done.done,
            refused=progress.refused + done.refused,
            place=page.next,
            has_ended=page.next is None,
        )
