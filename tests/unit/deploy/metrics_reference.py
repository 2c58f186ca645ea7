"""`python -m tests.unit.deploy.metrics_reference`: writes docs/reference/metrics.md from the metrics themselves.

A test keeps the page equal to what this writes.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from tests.unit.deploy.exposed_metrics import labels_by_name, registries

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "reference" / "metrics.md"

_HEAD: Final = """\
# Metrics

Written by `python -m tests.unit.deploy.metrics_reference` from the metrics themselves.

- Every process answers its own at `/metrics`, on its internal port. A gateway's `/metrics` (and
  `/api/bullmq/metrics`) holds those of all processes, each sample with `service` and `instance`; nothing is added up.
  `tuco_target_up` is 0 for a process that did not answer in time.
- Units are in the names; times are in seconds. No label takes values without bound: no ids of jobs, workspaces, lines
  or people.
- Facts about queues and unfinished work come from every gateway alike: take the `max`. Everything else is per process:
  take the `sum`.
- Counters whose labels are known beforehand are there from a process's start, at 0, so that the first event of each
  kind is seen by `rate` and `increase`.
- Python's own (`process_...`, `python_...`) are there too.
"""

_PLACES: Final = {
    "gateway": "The gateway",
    "libs.common.broker": "Workers",
    "libs.common.build_info": "Every process",
    "libs.common.providers": "Workers that call providers and CRMs",
    "services.availability": "Availability",
    "services.messaging": "Messaging",
    "services.scheduler": "The scheduler",
    "services.sync": "Sync",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A metric as the page shows it.

    Args:
        name: as a query names it; a histogram without its endings.
        kind: counter, gauge or histogram.
        labels: its own, without those of the scrape.
        about: what it tells.
        buckets: a histogram's bounds.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    about: str
    buckets: tuple[str, ...] = ()


def described() -> dict[str, list[Described]]:
    """Every metric of ours by the place where it is."""
    found: dict[str, dict[str, Described]] = {place: {} for place in _PLACES}
    for family, place in _families():
        metric = _described(family)
        found[place][metric.name] = metric
    for name in found["libs.common.build_info"]:
        found["gateway"].pop(name, None)
    found["gateway"]["tuco_target_up"] = Described(
        name="tuco_target_up",
        kind="gauge",
        labels=("instance", "service"),
        about="Whether a process gave its metrics, in the gateway's answer for all.",
    )
    return {place: [metrics[name] for name in sorted(metrics)] for place, metrics in found.items()}


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for place, metrics in described().items():
        rows = "".join(
            f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.about} |\n"
            for each in metrics
        )
        parts.append(f"## {_PLACES[place]}\n\n| metric | kind | labels | tells |\n| --- | --- | --- | --- |\n{rows}")
    histograms = [each for metrics in described().values() for each in metrics if each.buckets]
    bounds = "".join(f"- `{each.name}`: {', '.join(each.buckets)}\n" for each in histograms)
    parts.append(f"## Bounds of histograms\n\nIn seconds.\n\n{bounds}")
    return "\n".join(parts)


def _families() -> Iterator[tuple[Metric, str]]:
    workers, gateway = registries()
    modules = _modules()
    for family in workers.collect():
        if family.name.startswith("tuco_"):
            yield family, _place_of(modules[family.name])
    for family in gateway.collect():
        if family.name.startswith("tuco_"):
            yield family, "gateway"


def _modules() -> Mapping[str, str]:
    """The module in which each metric of workers is made."""
    ours = [module for name, module in sorted(sys.modules.items()) if name.startswith(("services.", "libs.common."))]
    return {
        metric._name: module.__name__
        for module in ours
        for metric in vars(module).values()
        if isinstance(metric, MetricWrapperBase) and f'"{metric._name}' in Path(str(module.__file__)).read_text()
    }


def _place_of(module: str) -> str:
    return next(place for place in _PLACES if module.startswith(place))


def _described(family: Metric) -> Described:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = labels_by_name()[f"{name}_bucket" if family.type == "histogram" else name]
    about = family.documentation.rstrip(".") + "."
    return Described(
        name=name, kind=family.type, labels=tuple(sorted(labels - {"le"})), about=about, buckets=_buckets(family.name)
    )


def _buckets(name: str) -> tuple[str, ...]:
    for registry in registries():
        metric = registry._names_to_collectors.get(f"{name}_bucket")
        if metric is not None:
            return tuple(f"{bound:g}" for bound in getattr(metric, "_upper_bounds", ())[:-1])
    return ()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
