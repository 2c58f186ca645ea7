"""The jobs that a filter means, page by page, and how many they are, in bounded time."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec

from libs.common.broker.model import JobView
from libs.common.jobs.bulk_action import BulkOrder
from libs.common.jobs.states import JobState
from services.gateway.asked_queues import BrowsesJobs, CountsJobs
from services.gateway.bulk.filters import fits, is_whole_states, states_of

PAGE: Final = 100
_LONGEST_LOOK_S: Final = 1.5
_MOST_PAGES: Final = 200
_SAMPLE: Final = 20


class SelectedQueue(BrowsesJobs, CountsJobs, Protocol):
    """What a selection asks of a queue."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a selection goes on."""

    queue: str
    state: JobState
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Jobs of one queue that were found together.

    Args:
        queue: whose jobs.
        jobs: the jobs; maybe none.
        next: where the page after it begins; ``None`` after the last one.
    """

    queue: str
    jobs: Sequence[JobView]
    next: Place | None


class SampledJob(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One of the jobs that a filter means."""

    job_id: str
    job_type: str
    queue: str
    state: str
    workspace_id: str
    created_at: datetime
    finished_at: datetime | None = None
    error: str | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many jobs a filter means, and some of them.

    Args:
        count: how many; at least so many where that is not exact.
        exact: whether there are no more; otherwise the look was ended, because it may only take so long.
        by_queue: how many in which queue, of those that were counted.
        sample: some of them.
    """

    count: int
    exact: bool
    by_queue: Mapping[str, int]
    sample: Sequence[SampledJob]


class Selection:
    """Finds jobs.

    Args:
        queues: every queue by its name.
        monotonic: tells seconds.
    """

    def __init__(self, queues: Mapping[str, SelectedQueue], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._queues = queues
        self._monotonic = monotonic

    def page(self, order: BulkOrder, place: Place | None) -> Page:
        """The jobs at a place; the first ones where none is given.

        Raises:
            StoreUnavailable: Redis is away.
        """
        places = self._places(order)
        at = place or places[0]
        which = order.filter
        found = self._queues[at.queue].browse(
            at.state,
            cursor=at.cursor,
            limit=PAGE,
            job_type=which.job_type or "",
            group=which.workspace_id,
            text=which.error,
        )
        if found.cursor is not None:
            following: Place | None = msgspec.structs.replace(at, cursor=found.cursor)
        else:
            begun = next(i for i, each in enumerate(places) if (each.queue, each.state) == (at.queue, at.state))
            following = places[begun + 1] if begun + 1 < len(places) else None
        jobs = [view for view in found.jobs if fits(view, which, state=at.state, as_of=order.as_of)]
        return Page(queue=at.queue, jobs=jobs, next=following)

    def preview(self, order: BulkOrder, *, sample: int = _SAMPLE) -> Preview:
        """How many jobs the order is about, and some of them; what it takes does not grow with the queues.

        Args:
            order: what is to be done with which jobs.
            sample: how many of them at most to show.

        Raises:
            StoreUnavailable: Redis is away.
        """
        by_queue: Counter[str] = Counter()
        shown: list[SampledJob] = []
        counts = self._whole_counts(order) if is_whole_states(order.filter) else None
        page = None
        for page in self._bounded(order) if counts is None or sample else ():
            by_queue[page.queue] += len(page.jobs)
            shown += [_sampled(view) for view in page.jobs[: sample - len(shown)]]
            if counts is not None and len(shown) == sample:
                break
        if counts is not None:
            by_queue = counts
        exact = counts is not None or page is None or page.next is None
        return Preview(count=by_queue.total(), exact=exact, by_queue=dict(by_queue), sample=shown)

    def _bounded(self, order: BulkOrder) -> Iterator[Page]:
        give_up_at = self._monotonic() + _LONGEST_LOOK_S
        place: Place | None = None
        for _ in range(_MOST_PAGES):
            page = self.page(order, place)
            yield page
            place = page.next
            if place is None or self._monotonic() >= give_up_at:
                return

    def _places(self, order: BulkOrder) -> list[Place]:
        names = order.filter.queues or sorted(self._queues)
        return [Place(queue=name, state=state) for name in names for state in states_of(order.filter, order.action)]

    def _whole_counts(self, order: BulkOrder) -> Counter[str] | None:
        """The counts that the queues keep; ``None`` where those of a paused queue do not tell states apart."""
        states = set(states_of(order.filter, order.action))
        in_line = states & {JobState.WAITING, JobState.PRIORITIZED}
        counted: Counter[str] = Counter()
        for name in order.filter.queues or sorted(self._queues):
            stats = self._queues[name].stats()
            if stats.paused and len(in_line) == 1:
                return None
            paused = {JobState.PAUSED} if stats.paused and in_line else set()
            counted[name] = sum(stats.counts.get(state, 0) for state in states | paused)
        return counted


def _sampled(view: JobView) -> SampledJob:
    return SampledJob(
        job_id=view.job_id,
        job_type=view.job_type,
        queue=view.queue,
        state=view.state,
        workspace_id=view.group,
        created_at=view.created_at,
        finished_at=view.finished_at,
        error=view.attempts[-1].error if view.attempts else view.reason,
    )
