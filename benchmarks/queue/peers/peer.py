"""What the bench asks of a queue written in Python; ``benchmarks/node/child.js`` is the same for BullMQ."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from benchmarks.queue.tally import Tally

QUEUE = "bench"
"""The name of the queue, for every peer."""

Data = Mapping[str, Any]
"""A job's payload."""


class JobKind(StrEnum):
    """What the jobs of a measurement do; a worker process knows one kind."""

    COUNT = "count"
    """Nothing but being counted."""
    SLEEP = "sleep"
    """Waits 20 ms, as for an answer from afar; asynchronously where the peer can."""
    PING = "ping"
    """Tells how long ago it was sent, by ``sentUs`` in its payload."""
    HOLD = "hold"
    """Tells that it was started, and does not end."""


class Peer(Protocol):
    """One queue at the best settings that it documents."""

    bulk: ClassVar[int]
    """How many jobs one call of :meth:`enqueue_bulk` is best given."""

    def __init__(self, url: str) -> None:
        """Connects.

        Args:
            url: Redis's address.
        """

    def enqueue(self, data: Data) -> None:
        """Adds one job, and returns when Redis has it."""

    def enqueue_bulk(self, batch: Sequence[Data]) -> None:
        """Adds many jobs in the way that is meant for many."""

    def work(self, kind: JobKind, tally: Tally, *, concurrency: int) -> None:
        """Runs jobs until the process is killed.

        Args:
            kind: what each job does.
            tally: told of each job.
            concurrency: how many jobs at once where they wait for something; 1 for short ones, of which each peer
                runs as many at once as suits it best.
        """
