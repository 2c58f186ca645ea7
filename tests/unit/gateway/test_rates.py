"""How fast queues go."""

import pytest

from libs.common.broker.model import QueueStats
from libs.common.worker.heartbeat import Heartbeat, WorkerSeen
from services.gateway.rates import QueueRates, Sample, quantile, rates_between


def sample(at_s: float, *, added: int, completed: int, runs: dict[str, dict[str, float]] | None = None) -> Sample:
    """A look at queue ``q``; ``runs`` are histograms by worker."""
    stats = QueueStats(
        queue="q", counts={}, paused=False, oldest_waiting_seconds=0, totals={"added": added, "completed": completed}
    )
    workers = {
        name: WorkerSeen(
            worker=name, seen_seconds_ago=1, said=Heartbeat(service="s", queues=["q"], runs={"q": buckets})
        )
        for name, buckets in (runs or {}).items()
    }
    return Sample(at_s=at_s, queues={"q": stats}, workers=workers)


def test_rates_are_what_happened_per_second() -> None:
    rates = rates_between(sample(0, added=10, completed=5), sample(10, added=110, completed=25), "q")

    assert (rates.added_per_second, rates.ended_per_second) == (10.0, 2.0)


def test_without_an_earlier_look_nothing_is_told_but_the_workers() -> None:
    later = sample(10, added=1, completed=1, runs={"a": {}, "b": {}})

    assert rates_between(None, later, "q") == QueueRates(workers=2)


def test_counters_that_went_back_are_no_negative_rate() -> None:
    assert rates_between(sample(0, added=10, completed=5), sample(1, added=2, completed=0), "q").added_per_second == 0


def test_run_times_are_those_of_all_workers_since_the_earlier_look() -> None:
    earlier = sample(0, added=0, completed=0, runs={"a": {"0.1": 90, "1.0": 90, "+Inf": 90}})
    later = sample(
        10,
        added=0,
        completed=0,
        runs={"a": {"0.1": 90, "1.0": 100, "+Inf": 100}, "new": {"0.1": 10, "1.0": 10, "+Inf": 10}},
    )

    rates = rates_between(earlier, later, "q")

    assert rates.run_p50_seconds == pytest.approx(0.1)
    assert rates.run_p95_seconds == pytest.approx(0.91)
    assert rates.wait_p50_seconds is None


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        ({}, 0.5, None),
        ({"1.0": 0, "+Inf": 0}, 0.5, None),
        ({"1.0": 10, "+Inf": 10}, 0.5, 0.5),
        ({"1.0": 5, "2.0": 10, "+Inf": 10}, 0.9, 1.8),
        ({"1.0": 0, "+Inf": 10}, 0.5, 1.0),
    ],
)
def test_a_quantile_is_spread_evenly_within_its_bucket(
    buckets: dict[str, float], share: float, expected: float | None
) -> None:
    assert quantile(buckets, share) == (None if expected is None else pytest.approx(expected))
