"""What a person sees."""

import io
import math

from rich.console import Console

from benchmarks.queue.results import Sample, summarize
from benchmarks.queue.table import table


def lines_of(*samples: Sample) -> dict[str, str]:
    """The table's lines by row."""
    out = io.StringIO()
    Console(file=out, width=140).print(table(summarize(samples), recovery_limit_s=120))
    lines = [line.replace("│", " ").split() for line in out.getvalue().splitlines() if line.startswith("│")]
    return {words[0]: " ".join(words[1:]) for words in lines}


def test_a_row_shows_everyone_the_ratio_the_goal_and_whether_it_is_met() -> None:
    lines = lines_of(
        Sample("drain_1", "tuco-jobs", 60_000.0), Sample("drain_1", "bullmq", 20_000.0), Sample("drain_1", "rq", 900.0)
    )

    assert lines["drain_1"] == "jobs/s 60,000 20,000 900 3.00 ≥ 1.2 x BullMQ yes"


def test_a_goal_that_is_missed_is_named() -> None:
    assert lines_of(Sample("pickup_max_ms", "tuco-jobs", 16.25))["pickup_max_ms"] == "ms 16.2 - - ≤ 15 no"


def test_without_bullmq_a_goal_beside_it_is_open() -> None:
    assert lines_of(Sample("drain_1", "tuco-jobs", 60_000.0))["drain_1"].endswith("- ≥ 1.2 x BullMQ -")


def test_what_did_not_come_is_shown_as_longer_than_was_waited() -> None:
    lines = lines_of(Sample("recovery_s", "tuco-jobs", 14.0), Sample("recovery_s", "celery", math.inf))

    assert lines["recovery_s"] == "s 14 - > 120 - ≤ 15 yes"
