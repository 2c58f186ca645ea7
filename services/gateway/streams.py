"""Server-sent events: what happens in the queues, and how one job goes on.

The format is WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html). A client that was cut off sends
``Last-Event-ID`` and misses nothing that Redis still keeps; where something is lost, an event ``gap`` says so and the
client reads anew what it shows. Each connection holds one of the gateway's threads, so their number is bounded.
"""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

import msgspec
from werkzeug.exceptions import ServiceUnavailable

from libs.common.broker.model import QueueEvent
from libs.common.errors import StoreUnavailable
from services.gateway.job_view import JobAnswer

MEDIA_TYPE: Final = "text/event-stream"

_LOOK_EVERY_S: Final = 0.25
_BEAT_EVERY_S: Final = 15.0
_RECONNECT_MS: Final = 2_000
_LONGEST_BATCH: Final = 200
_NOTHING: Final = "0-0"
_EVENT_ID: Final = re.compile(r"\d{1,20}-\d{1,20}")
_FINAL: Final = frozenset({"completed", "failed", "cancelled"})
_encode = msgspec.json.Encoder(enc_hook=str).encode


class ToldQueue(Protocol):
    """What streams ask of a queue; :class:`libs.common.broker.queue.JobQueue` does it."""

    def events(self, *, after: str = "$", wait: timedelta = timedelta(0), count: int = 100) -> list[QueueEvent]:
        """Transitions after a place in the stream, oldest first."""
        ...

    def events_kept(self) -> tuple[str, str] | None:
        """The oldest and the newest event that is kept."""
        ...


class Transition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What happened to jobs of a queue: the data of one event."""

    queue: str
    event: str
    job_ids: Sequence[str]
    details: Mapping[str, str]


class Streams:
    """Makes streams, a bounded number at once.

    Args:
        queues: every queue by its name.
        most: connections at once.
        look_every_s: seconds between two looks.
        beat_every_s: seconds of silence after which a comment shows that the connection lives.
    """

    def __init__(
        self,
        queues: Mapping[str, ToldQueue],
        *,
        most: int,
        look_every_s: float = _LOOK_EVERY_S,
        beat_every_s: float = _BEAT_EVERY_S,
    ) -> None:
        self._queues = dict(sorted(queues.items()))
        self._slots = threading.BoundedSemaphore(most)
        self._look_every_s = look_every_s
        self._beat_every_s = beat_every_s
        self.is_stopping: Callable[[], bool] = lambda: False
        """Asked at each look; once it says yes, every stream ends."""

    def of_queues(self, last_event_id: str) -> Iterator[bytes]:
        """What happens in all queues, from behind ``last_event_id`` on, or from now on where it is empty.

        Raises:
            ServiceUnavailable: there are as many streams as may be.
            StoreUnavailable: Redis is away.
        """
        self._take_slot()
        try:
            places, is_gap = self._places(last_event_id)
        except BaseException:
            self._slots.release()
            raise
        return _Slotted(self._kept_alive(self._transitions(places, is_gap)), self._slots.release)

    def of_job(self, find: Callable[[], JobAnswer | None], last_event_id: str) -> Iterator[bytes]:
        """A job each time that something about it has changed, until it has ended.

        Args:
            find: the job as it is now.
            last_event_id: of what the client has seen; that is not sent again.

        Raises:
            ServiceUnavailable: there are as many streams as may be.
        """
        self._take_slot()
        return _Slotted(self._kept_alive(_changes(find, last_event_id)), self._slots.release)

    def _take_slot(self) -> None:
        if not self._slots.acquire(blocking=False):
            raise ServiceUnavailable("There are as many streams as this gateway serves at once; try again later.")

    def _kept_alive(self, events: Iterator[bytes | None]) -> Iterator[bytes]:
        """Sends events as they come and comments in between, until there are no more or the gateway stops."""
        yield b"retry: %d\n\n" % _RECONNECT_MS
        silent_since = time.monotonic()
        for event in events:
            if event is not None:
                yield event
                silent_since = time.monotonic()
                continue
            if time.monotonic() - silent_since >= self._beat_every_s:
                yield b": alive\n\n"
                silent_since = time.monotonic()
            if self.is_stopping():
                return
            time.sleep(self._look_every_s)

    def _transitions(self, places: dict[str, str], is_gap: bool) -> Iterator[bytes | None]:
        """Events one by one; ``None`` after each look, so that others get their turn."""
        if is_gap:
            yield _event({}, kind="gap", event_id="_".join(places.values()))
        while True:
            for name, queue in self._queues.items():
                try:
                    found = queue.events(after=places[name], count=_LONGEST_BATCH)
                except StoreUnavailable:
                    break
                for each in found:
                    places[name] = each.event_id
                    told = Transition(queue=name, event=each.event, job_ids=each.job_ids, details=each.details)
                    yield _event(told, event_id="_".join(places.values()))
            yield None

    def _places(self, last_event_id: str) -> tuple[dict[str, str], bool]:
        """From where on each queue is read, and whether something before that is lost."""
        asked = last_event_id.split("_")
        is_ours = len(asked) == len(self._queues) and all(map(_EVENT_ID.fullmatch, asked))
        places: dict[str, str] = {}
        is_gap = bool(last_event_id) and not is_ours
        for name, seen in zip(self._queues, asked if is_ours else [""] * len(self._queues), strict=True):
            oldest, newest = self._queues[name].events_kept() or (_NOTHING, _NOTHING)
            # A place behind the newest event is one of a Redis that has lost its data since.
            is_known = is_ours and _number(seen) <= _number(newest)
            is_gap = is_gap or (is_ours and not is_known) or (is_known and self._is_trimmed(seen, oldest))
            places[name] = seen if is_known else newest
        return places, is_gap

    def _is_trimmed(self, seen: str, oldest: str) -> bool:
        """Whether events after ``seen`` are no longer kept; of a queue without a first event none was seen."""
        return seen != _NOTHING and _number(seen) < _number(oldest)


class _Slotted(Iterator[bytes]):
    """A stream that gives its slot back when it ends or is closed before anything was read."""

    def __init__(self, events: Iterator[bytes], release: Callable[[], None]) -> None:
        self._events = events
        self._release: Callable[[], None] | None = release

    def __next__(self) -> bytes:
        try:
            return next(self._events)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Called by the server when the client has left."""
        release, self._release = self._release, None
        if release is not None:
            release()


def _changes(find: Callable[[], JobAnswer | None], last_event_id: str) -> Iterator[bytes | None]:
    while True:
        try:
            job = find()
        except StoreUnavailable:
            yield None
            continue
        if job is None:
            yield _event({}, kind="gone")
            return
        data = _encode(job)
        event_id = hashlib.sha256(data).hexdigest()[:16]
        if event_id != last_event_id:
            last_event_id = event_id
            yield _event(job, event_id=event_id)
        if job.state in _FINAL:
            yield _event({}, kind="end")
            return
        yield None


def _event(data: Any, *, kind: str = "", event_id: str = "") -> bytes:
    lines = [b"id: " + event_id.encode()] if event_id else []
    lines += [b"event: " + kind.encode()] if kind else []
    return b"\n".join([*lines, b"data: " + _encode(data)]) + b"\n\n"


def _number(event_id: str) -> tuple[int, int]:
    first, second = event_id.split("-")
    return int(first), int(second)
