"""What a person sees and does of a whole queue: its jobs page by page, pause and resume, all its dead letters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

import msgspec
from werkzeug.exceptions import NotFound

from libs.common.broker.model import JobView
from libs.common.clock import Clock
from libs.common.jobs.bulk_action import Action
from libs.common.jobs.states import JobState
from libs.common.ledger.contract import Ledger
from libs.common.logging import get_logger
from services.gateway.asked_queues import BrowsesJobs
from services.gateway.bulk.deeds import Deeds, ManyAtOnce

log = get_logger(__name__)

_PAGE = 100


class BrowsedQueue(BrowsesJobs, ManyAtOnce, Protocol):
    """What the desk asks of a queue; :class:`libs.common.broker.queue.JobQueue` does it."""

    def pause(self) -> None:
        """Hands out no more jobs."""
        ...

    def resume(self) -> None:
        """Hands out jobs again."""
        ...


class DeadQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which dead letters.

    Args:
        job_type: only those of this job type.
        workspace_id: only those of this workspace.
        error: only those whose errors hold this text, in whatever case.
        limit: the most to look at in this call; asking again goes on.
    """

    job_type: str = ""
    workspace_id: str | None = None
    error: Annotated[str, msgspec.Meta(max_length=200)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000


class BulkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was done with many jobs.

    Args:
        queue: whose jobs.
        done: how many it was done with.
        refused: how many were left alone, because another unfinished job stands for the same or they ended otherwise.
        more: whether there may be more that fit; asking again goes on with them.
    """

    queue: str
    done: int
    refused: int
    more: bool


class QueueAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A queue, and whether it is paused."""

    queue: str
    paused: bool


@dataclass
class _Tally:
    done: int = 0
    refused: int = 0
    more: bool = False


class QueueDesk:
    """Looks at queues and acts on them.

    Args:
        ledger: learns of retried jobs before the queue, and of removed ones' ends.
        queues: every queue by its name.
        clock: tells which dead letters were there when a bulk action began.
    """

    def __init__(self, ledger: Ledger, queues: Mapping[str, BrowsedQueue], *, clock: Clock) -> None:
        self._deeds = Deeds(ledger, clock=clock)
        self._queues = queues
        self._clock = clock

    def queue(self, name: str) -> BrowsedQueue:
        """The queue of a name.

        Raises:
            NotFound: there is none.
        """
        try:
            return self._queues[name]
        except KeyError:
            raise NotFound(
                f"There is no queue {name[:80]!r}; the queues are: {', '.join(sorted(self._queues))}."
            ) from None

    def pause(self, name: str, *, paused: bool) -> QueueAnswer:
        """Pauses or resumes a queue; doing it twice changes nothing.

        Raises:
            NotFound: there is no such queue.
            StoreUnavailable: Redis is away.
        """
        queue = self.queue(name)
        if paused:
            queue.pause()
        else:
            queue.resume()
        log.info("queue.paused" if paused else "queue.resumed", queue=name)
        return QueueAnswer(queue=name, paused=paused)

    def retry_dead(self, name: str, which: DeadQuery) -> BulkAnswer:
        """Runs dead letters again, those that were there when the call began.

        Raises:
            NotFound: there is no such queue.
            StoreUnavailable: a store is away; what was done stays done, and the call may be repeated.
        """
        tally = self._with_dead(Action.RETRY, name, which)
        log.info("dead_letters.retried", queue=name, jobs=tally.done, refused=tally.refused)
        return BulkAnswer(queue=name, done=tally.done, refused=tally.refused, more=tally.more)

    def remove_dead(self, name: str, which: DeadQuery) -> BulkAnswer:
        """Forgets dead letters, those that were there when the call began; the ledger keeps how they ended.

        Raises:
            NotFound: there is no such queue.
            StoreUnavailable: a store is away; what was done stays done, and the call may be repeated.
        """
        tally = self._with_dead(Action.REMOVE, name, which)
        log.info("dead_letters.removed", queue=name, jobs=tally.done)
        return BulkAnswer(queue=name, done=tally.done, refused=tally.refused, more=tally.more)

    def _with_dead(self, action: Action, name: str, which: DeadQuery) -> _Tally:
        queue, tally = self.queue(name), _Tally()
        for views in self._pages(queue, which, tally):
            done = self._deeds.do(action, queue, views)
            tally.done += done.done
            tally.refused += done.refused
        return tally

    def _pages(self, queue: BrowsedQueue, which: DeadQuery, tally: _Tally) -> Iterator[list[JobView]]:
        """The dead letters that were there at the start, page by page, up to the limit."""
        started, cursor, left = self._clock.now(), "", which.limit
        while left > 0:
            page = queue.browse(
                JobState.FAILED,
                cursor=cursor,
                limit=min(_PAGE, left),
                job_type=which.job_type,
                group=which.workspace_id,
                text=which.error,
            )
            views = [view for view in page.jobs if view.state is JobState.FAILED and _ended_by(view, started)]
            if views:
                yield views
            left -= max(1, len(page.jobs))
            if page.cursor is None:
                return
            cursor = page.cursor
        tally.more = True


def _ended_by(view: JobView, moment: datetime) -> bool:
    return view.finished_at is None or view.finished_at <= moment
