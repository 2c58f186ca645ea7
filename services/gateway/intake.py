"""Takes admitted jobs in: Redis's word that it has room, one write to the ledger, one addition per queue.

The order of the steps is the promise. Nothing is answered as accepted before the ledger holds it; once the ledger
holds it, nothing is answered as refused. So a full Redis refuses a job before the ledger is asked, and a Redis that
fails after it does no harm: the reconciler enqueues what the ledger holds.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Protocol

import msgspec

from libs.common.broker.model import NewJob
from libs.common.errors import QueueFull, StoreUnavailable
from libs.common.ledger.contract import Ledger
from libs.common.ledger.model import LedgerEntry, NewEntry
from libs.common.logging import get_logger
from services.gateway.asked_queues import AddsJobs, ShowsJobs

log = get_logger(__name__)

_GROUP = attrgetter("group")

_MOST_NAMED = 100
"""Jobs by their ids in one line of the log."""


class DoorQueue(AddsJobs, ShowsJobs, Protocol):
    """What the door asks of a queue."""


class Room(Protocol):
    """Tells whether Redis takes new jobs; :class:`libs.common.ledger.redis_epoch.RedisEpoch` does."""

    def check_room(self) -> None:
        """Raises QueueFull or StoreUnavailable where it does not."""
        ...


class Arrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An admitted job.

    Args:
        entry: for the ledger.
        job: for the queue; ``None`` where it is not to be enqueued yet.
    """

    entry: NewEntry
    job: NewJob | None


class Taken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of an arrival.

    Args:
        met: the entry that was there instead; ``None`` where this job is new.
        redis_there: whether Redis was, when it was asked for room.
        queued: whether its queue holds it now.
    """

    met: LedgerEntry | None
    redis_there: bool
    queued: bool = False


class Intake:
    """Takes jobs in, however many at once.

    Args:
        ledger: where a job is accepted.
        queues: every queue by its name.
        room: tells whether Redis takes new jobs.
    """

    def __init__(self, ledger: Ledger, queues: Mapping[str, DoorQueue], room: Room) -> None:
        self._ledger = ledger
        self._queues = queues
        self._room = room

    def take_in(self, arrivals: Sequence[Arrival]) -> list[Taken]:
        """What became of each, in their order.

        Raises:
            PayloadTooLarge: one of them does not fit the ledger; others may be accepted.
            QueueFull: Redis takes no new jobs. Nothing was accepted.
            StoreUnavailable: MongoDB is away. What was accepted is not known; with keys it can be asked.
        """
        redis_there = self._redis_takes_jobs()
        accepted = self._ledger.accept_many([arrival.entry for arrival in arrivals])
        fresh: defaultdict[str, list[NewJob]] = defaultdict(list)
        for arrival, answer in zip(arrivals, accepted, strict=True):
            if answer.created and arrival.job is not None:
                fresh[arrival.entry.queue].append(arrival.job)
        queued = self._enqueue(fresh) if redis_there else frozenset()
        _tell([arrival.entry for arrival, answer in zip(arrivals, accepted, strict=True) if answer.created])
        return [
            Taken(met=None, redis_there=redis_there, queued=arrival.entry.job_id in queued)
            if answer.created
            else Taken(met=answer.entry, redis_there=redis_there)
            for arrival, answer in zip(arrivals, accepted, strict=True)
        ]

    def _redis_takes_jobs(self) -> bool:
        """Whether Redis is there; a full one refuses here, before the ledger holds what could not be taken back."""
        try:
            self._room.check_room()
        except QueueFull:
            raise
        except StoreUnavailable as error:
            log.warning("redis.lost", error=error.reason)
            return False
        return True

    def _enqueue(self, fresh: Mapping[str, list[NewJob]]) -> set[str]:
        """Adds jobs, by their queues; answers the ids of those that their queues hold.

        Another job may hold a unique key in Redis, one that the ledger does not know: ours follows when it ends.
        """
        queued: set[str] = set()
        for name, mine in fresh.items():
            # Jobs of one workspace side by side go into the queue in one step.
            mine.sort(key=_GROUP)
            try:
                added = self._queues[name].add(mine)
            except StoreUnavailable as error:
                log.warning("jobs.left_to_reconciler", queue=name, jobs=len(mine), error=error.reason)
                continue
            except Exception:
                # The ledger holds them: a fault that nobody foresaw may not be answered as if they were refused either.
                log.exception("jobs.left_to_reconciler", queue=name, jobs=len(mine))
                continue
            queued.update(job.job_id for job, answer in zip(mine, added, strict=True) if answer.job_id == job.job_id)
        return queued


def _tell(entries: Sequence[NewEntry]) -> None:
    """One line for all that were accepted together: a line for each would cost as much as all the rest of a job."""
    if entries:
        log.info("jobs.accepted", jobs=len(entries), job_ids=[entry.job_id for entry in entries[:_MOST_NAMED]])
