"""From changes in MongoDB to deliveries: one process reads at a time, and goes on where the last one stopped.

An event is not lost between a state's change and its delivery, because the change itself is what is read, and the place
in the stream is stored only after the deliveries are. It may be read twice; a delivery's id is made from the event's
and the webhook's, so it exists once.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from bson import Timestamp
from pymongo.database import Database
from pymongo.errors import OperationFailure

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import NewJob
from libs.common.clock import Clock
from libs.common.errors import StoreUnavailable
from libs.common.ids import derived_job_id
from libs.common.jobs.webhook_delivery import WEBHOOK_DELIVERY, WebhookDelivery
from libs.common.logging import get_logger
from libs.common.stores.collections import WEBHOOK_FEED
from libs.common.stores.locks import LockStore
from libs.common.stores.mongo import Document, mongo_errors
from services.gateway.asked_queues import AddsJobs
from services.gateway.webhooks.changes import FIELDS, PIPELINE, event_of
from services.gateway.webhooks.model import Delivery, DeliveryStatus, Event, Webhook, body_of
from services.gateway.webhooks.store import DeliveryStore, WebhookStore

log = get_logger(__name__)

_FEED: Final = "feed"
_LOCK: Final = "webhook-feed"
_BATCH: Final = 200
_WAIT_MS: Final = 1_000
_TURN: Final = timedelta(seconds=20)
_LEASE: Final = timedelta(seconds=90)
_REST_S: Final = 2.0
_SWEEP_EVERY_S: Final = 300.0
_SWEEP_AFTER: Final = timedelta(minutes=1)
_LOST: Final = frozenset({280, 286})
"""ChangeStreamFatalError and ChangeStreamHistoryLost: the server no longer has what comes after the place."""


class DeliveringQueue(AddsJobs, Protocol):
    """What a feed asks of the queue of operations."""

    def known(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these jobs the queue has."""
        ...


class WebhookFeed:
    """Reads changes and writes deliveries.

    Args:
        database: with majority read and write concern and aware datetimes.
        webhooks: who wants to be told.
        deliveries: where deliveries are kept.
        queue: the queue of operations.
        clock: tells the time.
        wait_ms: how long a look waits for changes.
    """

    def __init__(
        self,
        database: Database[Document],
        webhooks: WebhookStore,
        deliveries: DeliveryStore,
        queue: DeliveringQueue,
        *,
        clock: Clock,
        wait_ms: int = _WAIT_MS,
    ) -> None:
        self._database = database
        self._feed = database[WEBHOOK_FEED]
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._queue = queue
        self._clock = clock
        self._wait_ms = wait_ms

    def run_once(self, *, stopping: Callable[[], bool] = lambda: False, turn: timedelta = _TURN) -> int:
        """Reads for the length of a turn; answers how many deliveries it wrote.

        Args:
            stopping: asked between looks.
            turn: how long to read.

        Raises:
            StoreUnavailable: MongoDB is away; the next turn goes on where this one was.
        """
        active = self._webhooks.active()
        with mongo_errors():
            if not active:
                # Who is told of nothing misses nothing: the next webhook begins with its own making.
                self._feed.delete_one({"_id": _FEED})
                return 0
            stored = self._feed.find_one({"_id": _FEED})
            try:
                return self._read(self._start(stored, active), stopping, until=self._clock.now() + turn)
            except OperationFailure as error:
                if error.code not in _LOST:
                    raise
                log.warning("webhooks.events_lost", code=error.code, since=str((stored or {}).get("at")))
                self._feed.delete_one({"_id": _FEED})
                self._read({}, stopping, until=self._clock.now())
        return 0

    def sweep(self) -> int:
        """Enqueues deliveries again whose jobs Redis has lost; answers how many."""
        before, after_id, added = self._clock.now() - _SWEEP_AFTER, "", 0
        while page := self._deliveries.waiting(after_id=after_id, older_than=before, limit=_BATCH):
            known = self._queue.known([each.delivery_id for each in page])
            missing = [each for each in page if each.delivery_id not in known]
            self._queue.add([job_of(each) for each in missing])
            added += len(missing)
            after_id = page[-1].delivery_id
        return added

    def _start(self, stored: Document | None, active: Sequence[Webhook]) -> dict[str, Any]:
        if stored is not None:
            return {"resume_after": stored["token"]}
        earliest = min(webhook.told_since for webhook in active)
        return {"start_at_operation_time": Timestamp(int(earliest.timestamp()), 1)}

    def _read(self, start: Mapping[str, Any], stopping: Callable[[], bool], *, until: datetime) -> int:
        written = 0
        with self._database.watch(PIPELINE, max_await_time_ms=self._wait_ms, batch_size=_BATCH, **start) as stream:
            while True:
                changes: list[Document] = []
                while len(changes) < _BATCH and (change := stream.try_next()) is not None:
                    changes.append(change)
                written += self._tell(changes)
                ends = stopping() or self._clock.now() >= until
                # While nothing happens the place moves on too, or it would become too old to go on from.
                if (changes or ends) and stream.resume_token is not None:
                    place = {"token": stream.resume_token, "at": self._clock.now()}
                    self._feed.update_one({"_id": _FEED}, {"$set": place}, upsert=True)
                if ends:
                    return written

    def _tell(self, changes: Sequence[Document]) -> int:
        events = self._events(changes)
        if not events:
            return 0
        active = self._webhooks.active()
        deliveries = [delivery_of(event, webhook) for event in events for webhook in active if webhook.wants(event)]
        self._deliveries.add(deliveries)
        try:
            self._queue.add([job_of(each) for each in deliveries])
        except StoreUnavailable as error:
            log.warning("webhooks.left_to_sweep", deliveries=len(deliveries), error=error.reason)
        return len(deliveries)

    def _events(self, changes: Sequence[Document]) -> list[Event]:
        wanted: dict[str, list[Any]] = defaultdict(list)
        for change in changes:
            wanted[change["ns"]["coll"]].append(change["documentKey"]["_id"])
        found = {
            (collection, document["_id"]): document
            for collection, ids in wanted.items()
            for document in self._database[collection].find({"_id": {"$in": ids}}, list(FIELDS[collection]))
        }
        events = (event_of(each, found.get((each["ns"]["coll"], each["documentKey"]["_id"]))) for each in changes)
        return [event for event in events if event is not None]


def delivery_of(event: Event, webhook: Webhook) -> Delivery:
    """The delivery of an event to a webhook; the same two always make the same one."""
    return Delivery(
        delivery_id=derived_job_id("webhook-delivery", webhook.webhook_id, event.token),
        webhook_id=webhook.webhook_id,
        type=event.type.value,
        body=body_of(event.type.value, event.at, event.data),
        status=DeliveryStatus.PENDING,
        created_at=event.at,
        workspace_id=event.workspace_id,
    )


def job_of(delivery: Delivery) -> NewJob:
    """The job that makes a delivery."""
    payload = WebhookDelivery(delivery_id=delivery.delivery_id, workspace_id=delivery.workspace_id)
    return job_from(WEBHOOK_DELIVERY, payload, job_id=delivery.delivery_id)


class FeedThread:
    """Runs a feed beside a worker's jobs, where no other process does.

    Args:
        feed: what to run.
        locks: let one process do it.
        rest_s: seconds between two turns.
    """

    def __init__(self, feed: WebhookFeed, locks: LockStore, *, rest_s: float = _REST_S) -> None:
        self._feed = feed
        self._locks = locks
        self._rest_s = rest_s
        self._sweep_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook-feed", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it after the look in hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._locks.held(_LOCK, lease=_LEASE, patience=timedelta(0)):
                    self._feed.run_once(stopping=self._stopping.is_set)
                    self._sweep_if_due()
            except StoreUnavailable as error:
                log.debug("webhooks.feed_rests", reason=error.reason)
            except Exception:
                # The thread must outlive whatever one answer of a server does to a turn.
                log.exception("webhooks.feed_failed")
            self._stopping.wait(self._rest_s)

    def _sweep_if_due(self) -> None:
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + _SWEEP_EVERY_S
        try:
            self._feed.sweep()
        except StoreUnavailable as error:
            # Redis is away as a rule: what changes in MongoDB is read all the same.
            log.warning("webhooks.sweep_failed", reason=error.reason)
