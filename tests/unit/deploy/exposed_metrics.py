"""The metrics that the code exposes, asked of the code itself: names as a scraper sees them, with their labels."""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import prometheus_client
from prometheus_client.registry import Collector, CollectorRegistry

from libs.common.broker.model import QueueStats
from services.gateway.metrics import GatewayMetrics
from services.gateway.store_metrics import Unfinished

_ROOT = Path(__file__).resolve().parents[3]

FROM_THE_SCRAPE = frozenset({"service", "instance", "job"})
"""Labels that every series gets from whoever scrapes or aggregates it."""


class _Queue:
    def stats(self) -> QueueStats:
        return QueueStats(
            queue="q", counts={"waiting": 1}, paused=False, oldest_waiting_seconds=1.0, totals={"added": 1}
        )


class _Store:
    def now(self) -> Unfinished:
        return Unfinished(jobs=1, messages={"queued": 1})


@cache
def registries() -> tuple[CollectorRegistry, CollectorRegistry]:
    """Where the metrics of all workers are, and where those of a gateway are."""
    for module in _modules_with_metrics():
        importlib.import_module(module)
    return prometheus_client.REGISTRY, GatewayMetrics({"q": _Queue()}, _Store()).registry


@cache
def labels_by_name() -> dict[str, frozenset[str]]:
    """Every series' name and its own labels."""
    # What a gateway says of its services, written as text.
    metrics = {"tuco_target_up": frozenset[str](), "up": frozenset[str]()}
    for registry in registries():
        for name, labels in _series(registry):
            metrics[name] = metrics.get(name, frozenset()) | labels
    return metrics


def exposed_metrics() -> dict[str, frozenset[str]]:
    """Every series' name and its labels, as a scraper sees them."""
    return {name: labels | FROM_THE_SCRAPE for name, labels in labels_by_name().items()}


def _series(registry: CollectorRegistry) -> Iterator[tuple[str, frozenset[str]]]:
    for family in registry.collect():
        for sample in family.samples:
            yield sample.name, frozenset(sample.labels)
    # A metric with labels has no sample before it first counts.
    for name, collector in registry._names_to_collectors.items():
        yield name, _labels(collector, name)


def _labels(collector: Collector, name: str) -> frozenset[str]:
    own = frozenset(getattr(collector, "_labelnames", ()))
    return own | {"le"} if name.endswith("_bucket") else own


def _modules_with_metrics() -> list[str]:
    files = [*(_ROOT / "services").rglob("*.py"), *(_ROOT / "libs" / "common").rglob("*.py")]
    made = [path for path in files if "from prometheus_client import" in path.read_text()]
    return [".".join(path.relative_to(_ROOT).with_suffix("").parts) for path in made]
