"""Which workers there are, and how long jobs wait and run on them: each says so every few seconds, in one small hash.

Whether a worker lives is judged by Redis's clock alone. What it says of times are the counts of its own histograms
since it started, so that whoever reads them twice knows what happened in between.
"""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from prometheus_client import Histogram
from redis import Redis

from libs.common.broker.connection import redis_errors
from libs.common.broker.keys import system_key
from libs.common.broker.metrics import RUN, WAIT
from libs.common.broker.transport import BoundScript, ScriptCall, run_call
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger

log = get_logger(__name__)

WORKERS_KEY = system_key("workers")
INTERVAL = timedelta(seconds=5)
FORGOTTEN_AFTER = timedelta(seconds=20)

Buckets = Mapping[str, float]
"""How many observations were at most so many seconds, by that bound's text; the last bound is ``+Inf``."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a worker says of itself.

    Args:
        service: its service.
        queues: the queues that it serves.
        held: the jobs that it holds now.
        waits: by queue, how long jobs waited before their first start here.
        runs: by queue, how long runs took here.
    """

    service: str
    queues: Sequence[str]
    held: int = 0
    waits: Mapping[str, Buckets] = {}
    runs: Mapping[str, Buckets] = {}


class WorkerSeen(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A worker that lives.

    Args:
        worker: its name.
        seen_seconds_ago: when it last said so, by Redis's clock.
        said: what it said.
    """

    worker: str
    seen_seconds_ago: float
    said: Heartbeat


class Heartbeats:
    """The hash in Redis.

    Args:
        redis: a client that answers bytes.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def beat(self, worker: str, said: Heartbeat) -> None:
        """Says that a worker lives.

        Raises:
            StoreUnavailable: Redis is away.
        """
        self._run(worker, msgspec.json.encode(said))

    def seen(self) -> list[WorkerSeen]:
        """The workers that said so lately, by name; one of another version that cannot be read is left out.

        Raises:
            StoreUnavailable: Redis is away.
        """
        now, *facts = self._run("", b"")
        found = []
        for name, at, words in zip(facts[::3], facts[1::3], facts[2::3], strict=True):
            try:
                said = msgspec.json.decode(words, type=Heartbeat)
            except msgspec.DecodeError as error:
                log.warning("heartbeat.unreadable", worker=name.decode(), error=str(error))
                continue
            found.append(WorkerSeen(worker=name.decode(), seen_seconds_ago=max(0, now - at) / 1000, said=said))
        return sorted(found, key=lambda each: each.worker)

    def _run(self, worker: str, said: bytes) -> list[Any]:
        source, sha = _script()
        silent_ms = FORGOTTEN_AFTER // timedelta(milliseconds=1)
        call = ScriptCall(BoundScript(source, sha, [WORKERS_KEY]), [worker, said, silent_ms])
        with redis_errors():
            answer: list[Any] = run_call(self._redis, call)
        return answer


class HeartbeatThread:
    """Says every few seconds that this process's worker lives.

    Args:
        heartbeats: where.
        worker: its name.
        say: makes what it says of itself.
        interval: the pause in between.
    """

    def __init__(
        self, heartbeats: Heartbeats, worker: str, say: Callable[[], Heartbeat], *, interval: timedelta = INTERVAL
    ) -> None:
        self._heartbeats = heartbeats
        self._worker = worker
        self._say = say
        self._interval_s = interval.total_seconds()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Starts the thread; it says so at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()

    def _run(self) -> None:
        while True:
            try:
                self._heartbeats.beat(self._worker, self._say())
            except StoreUnavailable as error:
                log.debug("heartbeat.not_told", error=error.reason)
            if self._stopping.wait(self._interval_s):
                return


def heartbeat_of(service: str, queues: Sequence[str], *, held: int) -> Heartbeat:
    """What this process can say of itself now."""
    return Heartbeat(service=service, queues=list(queues), held=held, waits=_by_queue(WAIT), runs=_by_queue(RUN))


def _by_queue(histogram: Histogram) -> dict[str, dict[str, float]]:
    counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for metric in histogram.collect():
        for sample in metric.samples:
            if sample.name.endswith("_bucket"):
                counts[sample.labels["queue"]][sample.labels["le"]] += sample.value
    return {queue: dict(buckets) for queue, buckets in counts.items()}


@cache
def _script() -> tuple[str, str]:
    source = (resources.files("libs.common.worker") / "scripts" / "heartbeat.lua").read_text(encoding="utf-8")
    return source, hashlib.sha1(source.encode()).hexdigest()  # noqa: S324 - Redis's own choice
