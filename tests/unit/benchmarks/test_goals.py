"""Whether a goal is reached."""

from benchmarks.queue.facts import FACTS, AsFastAs, AtLeastTimesBullmq, AtMost


def test_a_ratio_is_reached_or_not() -> None:
    goal = AtLeastTimesBullmq(1.2)

    assert goal.met(0, 1.2, {}) is True
    assert goal.met(0, 1.19, {}) is False


def test_a_ratio_without_bullmq_cannot_be_told() -> None:
    assert AtLeastTimesBullmq(1.2).met(1_000_000, None, {}) is None


def test_a_limit_is_kept_or_not() -> None:
    assert AtMost(15).met(15, None, {}) is True
    assert AtMost(15).met(15.1, None, {}) is False


def test_what_a_job_costs_may_grow_by_a_tenth() -> None:
    goal = AsFastAs("backlog_10k")

    assert goal.met(90, None, {"backlog_10k": 100.0}) is True
    assert goal.met(89, None, {"backlog_10k": 100.0}) is False
    assert goal.met(89, None, {}) is None


def test_the_rows_that_others_read_have_their_names() -> None:
    agreed = {
        "enqueue_one",
        "enqueue_bulk",
        "drain_1",
        "drain_3",
        "pickup_p50_ms",
        "pickup_p99_ms",
        "pickup_max_ms",
        "recovery_s",
    }

    assert agreed <= set(FACTS)
    assert all(FACTS[row].goal for row in agreed)
