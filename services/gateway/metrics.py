"""The gateway's metrics: its own, the queues', and every service's, in one answer."""

import threading
from collections.abc import Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from libs.common.build_info import BUILD
from libs.common.errors import StoreUnavailable
from libs.common.ledger.reconciler import Report
from libs.common.logging import get_logger
from services.gateway.asked_queues import CountsJobs
from services.gateway.exposition import Merger, UnreadableMetricsError
from services.gateway.side_by_side import SideBySide
from services.gateway.store_metrics import StoreCollector, StoreFacts
from services.gateway.targets import Target, TargetClient, TargetFailed

log = get_logger(__name__)

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_DONE_WITH_JOBS = ("enqueued", "held_back", "finished", "skipped")
_MOVES = "limited"
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class GatewayMetrics:
    """What the gateway counts about itself.

    Args:
        queues: every queue by its name; they are asked at each scrape.
        store: tells what MongoDB knows of unfinished work; asked at each scrape.
    """

    def __init__(self, queues: Mapping[str, CountsJobs], store: StoreFacts) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(BUILD)
        self.registry.register(_QueueCollector(queues))
        self.registry.register(StoreCollector(store))
        self._requests = Counter(
            "tuco_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "tuco_http_request_seconds",
            "How long requests took.",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._kinds: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._runs = Counter("tuco_reconciler_runs", "Complete looks at the open jobs.", registry=self.registry)
        self._last_run = Gauge(
            "tuco_reconciler_last_run_timestamp_seconds", "When the last one ended.", registry=self.registry
        )
        self._jobs = Counter(
            "tuco_reconciler_jobs", "Open jobs by what was done with them.", ("outcome",), registry=self.registry
        )
        for outcome in _DONE_WITH_JOBS:
            self._jobs.labels(outcome)

    def count_request(self, method: str, route: str, status: int, *, seconds: float) -> None:
        """Counts a request that was answered."""
        kind = method, route, status
        if kind not in self._kinds:
            self._kinds[kind] = self._requests.labels(*kind), self._seconds.labels(method, route)
        answered, took = self._kinds[kind]
        answered.inc()
        took.observe(seconds)

    def count_run(self, report: Report) -> None:
        """Counts one run of the reconciler."""
        self._runs.inc()
        self._last_run.set_to_current_time()
        for outcome in _DONE_WITH_JOBS:
            self._jobs.labels(outcome).inc(getattr(report, outcome))


class _QueueCollector(Collector):
    """Asks the queues when it is scraped; while Redis is away it has nothing but that to say."""

    def __init__(self, queues: Mapping[str, CountsJobs]) -> None:
        self._queues = queues

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        there = GaugeMetricFamily("tuco_redis_up", "Whether Redis could be asked for the queues.")
        jobs = GaugeMetricFamily("tuco_queue_jobs", "Jobs in a state.", labels=("queue", "state"))
        oldest = GaugeMetricFamily(
            "tuco_queue_oldest_waiting_seconds", "How long the oldest waiting job has been ready.", labels=("queue",)
        )
        paused = GaugeMetricFamily("tuco_queue_paused", "Whether the queue is paused.", labels=("queue",))
        events = CounterMetricFamily(
            "tuco_queue_events",
            "What happened to jobs since the queue was made; stalled: a lease was lost.",
            labels=("queue", "event"),
        )
        moves = CounterMetricFamily(
            "tuco_rate_limit_moves", "Jobs that a limit moved to a later time.", labels=("queue",)
        )
        try:
            for name, queue in self._queues.items():
                stats = queue.stats()
                for state, number in stats.counts.items():
                    jobs.add_metric((name, state), number)
                for event, number in stats.totals.items():
                    if event != _MOVES:
                        events.add_metric((name, event), number)
                moves.add_metric((name,), stats.totals.get(_MOVES, 0))
                oldest.add_metric((name,), stats.oldest_waiting_seconds)
                paused.add_metric((name,), stats.paused)
            there.add_metric((), 1)
        except StoreUnavailable as error:
            log.warning("metrics.queues_missing", error=error.reason)
            there.add_metric((), 0)
        yield from (there, jobs, oldest, paused, events, moves)


class AllMetrics:
    """Every process's metrics in one text.

    Args:
        own: the gateway's.
        instance: how this gateway is told apart from others.
        client: reads the services'.
        side_by_side: asks them, up to its deadline.
    """

    def __init__(self, own: GatewayMetrics, *, instance: str, client: TargetClient, side_by_side: SideBySide) -> None:
        self._own = own
        self._self = Target(service="gateway", url=f"http://{instance}")
        self._client = client
        self._side_by_side = side_by_side
        self._lock = threading.Lock()

    def text(self) -> str:
        """The metrics now; a service that does not answer in time is down in ``tuco_target_up`` and missing else."""
        targets = self._client.find(self._side_by_side)
        asked = {
            str(index): lambda target=target: self._client.read(target, "/metrics", accept="text/plain;version=0.0.4")
            for index, target in enumerate(targets)
        }
        answers = self._side_by_side.ask(asked)
        merger = Merger()
        merger.add(generate_latest(self._own.registry).decode(), _labels(self._self))
        merger.add(_up(True), _labels(self._self))
        for index, target in enumerate(targets):
            merger.add(_up(_add(merger, target, answers[str(index)])), _labels(target))
        return merger.text()


def _add(merger: Merger, target: Target, answer: str | Exception) -> bool:
    try:
        if isinstance(answer, Exception):
            raise answer
        merger.add(answer, _labels(target))
    except (TargetFailed, TimeoutError, UnreadableMetricsError) as error:
        log.warning("metrics.target_missing", target=target.name, error=str(error))
        return False
    return True


def _labels(target: Target) -> dict[str, str]:
    return {"service": target.service, "instance": target.instance}


def _up(is_up: bool) -> str:
    return (
        "# HELP tuco_target_up Whether a process gave its metrics.\n"
        "# TYPE tuco_target_up gauge\n"
        f"tuco_target_up {float(is_up)}\n"
    )
