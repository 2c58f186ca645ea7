"""What the gateway tells Prometheus of unfinished work in MongoDB."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from libs.common.errors import StoreUnavailable
from services.gateway.metrics import GatewayMetrics
from services.gateway.store_metrics import StoreCollector, Unfinished


class Facts:
    """MongoDB, there or away."""

    def __init__(self, unfinished: Unfinished | None) -> None:
        self._unfinished = unfinished

    def now(self) -> Unfinished:
        if self._unfinished is None:
            raise StoreUnavailable("mongodb", "away")
        return self._unfinished


def exposed(unfinished: Unfinished | None) -> Mapping[str, float]:
    registry = CollectorRegistry()
    registry.register(StoreCollector(Facts(unfinished)))
    return {
        f"{sample.name}{dict(sample.labels) or ''}": sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_open_jobs_and_messages_by_state_are_told() -> None:
    assert exposed(Unfinished(jobs=4, messages={"queued": 2, "uncertain": 1})) == {
        "tuco_mongodb_up": 1,
        "tuco_ledger_open_jobs": 4,
        "tuco_messages_open{'status': 'queued'}": 2,
        "tuco_messages_open{'status': 'uncertain'}": 1,
    }


def test_without_mongodb_it_says_that_and_no_number() -> None:
    assert exposed(None) == {"tuco_mongodb_up": 0}


def test_what_a_reconciler_may_do_is_shown_before_it_does_it() -> None:
    registry = GatewayMetrics({}, Facts(None)).registry
    for outcome in ("enqueued", "held_back", "finished", "skipped"):
        assert registry.get_sample_value("tuco_reconciler_jobs_total", {"outcome": outcome}) == 0
