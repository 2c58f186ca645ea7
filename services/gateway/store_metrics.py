"""What MongoDB knows of unfinished work, for Prometheus: counted up to a bound, and as often as scrapes need it."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import pymongo
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo.database import Database
from pymongo.errors import OperationFailure

from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from libs.common.messages.states import MessageStatus
from libs.common.stores.collections import JOBS, MESSAGES
from libs.common.stores.message_indexes import DUE, QUEUED, SENDING, UNCERTAIN
from libs.common.stores.mongo import Document, mongo_errors

log = get_logger(__name__)

MOST: Final = 10_000
"""Counting stops here, so that a scrape costs the same with ten thousand as with ten million."""

_NO_SUCH_INDEX: Final = 2
_INDEXES: Final = {
    MessageStatus.SCHEDULED: DUE,
    MessageStatus.QUEUED: QUEUED,
    MessageStatus.SENDING: SENDING,
    MessageStatus.UNCERTAIN: UNCERTAIN,
}
"""The states that a message does not stay in, each with the partial index that holds just them."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is unfinished, each number up to :data:`MOST`.

    Args:
        jobs: of the ledger.
        messages: by state.
    """

    jobs: int
    messages: Mapping[str, int]


class StoreFacts(Protocol):
    """What is asked of MongoDB; :class:`UnfinishedWork` does it."""

    def now(self) -> Unfinished:
        """What is unfinished; raises StoreUnavailable where MongoDB is away."""
        ...


class UnfinishedWork:
    """Counts unfinished work by its indexes.

    Args:
        database: the database.
        most: where counting stops.
        deadline: how long a count may take.
        kept: how long an answer is good.
        monotonic: tells seconds.
    """

    def __init__(
        self,
        database: Database[Document],
        *,
        most: int = MOST,
        deadline: timedelta = timedelta(seconds=1),
        kept: timedelta = timedelta(seconds=10),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = database[JOBS]
        self._messages = database[MESSAGES]
        self._most = most
        self._deadline_s = deadline.total_seconds()
        self._kept_s = kept.total_seconds()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last: tuple[float, Unfinished] | None = None

    def now(self) -> Unfinished:
        """What is unfinished.

        Raises:
            StoreUnavailable: MongoDB is away, or too slow.
        """
        with self._lock:
            if self._last is None or self._monotonic() - self._last[0] > self._kept_s:
                self._last = (self._monotonic(), self._count())
            return self._last[1]

    def _count(self) -> Unfinished:
        with mongo_errors(), pymongo.timeout(self._deadline_s):
            return Unfinished(
                jobs=self._up_to_most(self._jobs, {"open": True}, "open"),
                messages={
                    status.value: self._up_to_most(self._messages, {"status": status.value}, index)
                    for status, index in _INDEXES.items()
                },
            )

    def _up_to_most(self, collection: pymongo.collection.Collection[Document], wanted: Document, index: str) -> int:
        try:
            return collection.count_documents(wanted, limit=self._most, hint=index)
        except OperationFailure as error:
            if error.code == _NO_SUCH_INDEX:
                # Nobody has initialized this database yet.
                return 0
            raise


class StoreCollector(Collector):
    """Asks MongoDB when it is scraped; while it is away there is nothing but that to say.

    Args:
        facts: tells what is unfinished.
    """

    def __init__(self, facts: StoreFacts) -> None:
        self._facts = facts

    def describe(self) -> list[Metric]:
        """Nothing: that would ask MongoDB at start."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The numbers now."""
        there = GaugeMetricFamily("tuco_mongodb_up", "Whether MongoDB could be asked for unfinished work.")
        jobs = GaugeMetricFamily("tuco_ledger_open_jobs", f"Accepted jobs that have not ended; counted up to {MOST}.")
        messages = GaugeMetricFamily(
            "tuco_messages_open",
            f"Messages in a state that they do not stay in, or that waits for a person; counted up to {MOST} each.",
            labels=("status",),
        )
        try:
            unfinished = self._facts.now()
            jobs.add_metric((), unfinished.jobs)
            for status, number in unfinished.messages.items():
                messages.add_metric((status,), number)
            there.add_metric((), 1)
        except StoreUnavailable as error:
            log.warning("metrics.unfinished_missing", error=error.reason)
            there.add_metric((), 0)
        yield from (there, jobs, messages)
