"""Rates from counts: what starting takes does not count, and nothing is left out."""

import pytest

from benchmarks.queue.reports import Ran
from benchmarks.queue.window import drain_rate

SECOND = 1_000_000


def test_the_rate_begins_after_the_warm_up() -> None:
    reports = [Ran(1, 99, 1 * SECOND), Ran(1, 100, 5 * SECOND), Ran(1, 1_100, 6 * SECOND)]

    assert drain_rate(reports, jobs=1_100, processes=1, warm_up=100) == 1_000


def test_the_rate_begins_when_the_last_process_is_warm() -> None:
    reports = [
        Ran(1, 400, 1 * SECOND),
        Ran(2, 100, 3 * SECOND),  # both are warm from here on: 500 done
        Ran(1, 900, 4 * SECOND),
        Ran(2, 1_100, 5 * SECOND),
    ]

    assert drain_rate(reports, jobs=2_000, processes=2, warm_up=100) == 750


def test_the_rate_ends_with_the_last_job_of_any_process() -> None:
    reports = [
        Ran(1, 100, 1 * SECOND),
        Ran(2, 100, 1 * SECOND),
        Ran(2, 200, 3 * SECOND),  # the later end is told first
        Ran(1, 200, 2 * SECOND),
    ]

    assert drain_rate(reports, jobs=400, processes=2, warm_up=100) == 100


def test_no_report_is_read_after_the_last_job() -> None:
    reports = iter([Ran(1, 10, 1 * SECOND), Ran(1, 20, 2 * SECOND), Ran(1, 30, 3 * SECOND)])
    drain_rate(reports, jobs=20, processes=1, warm_up=10)

    assert next(reports) == Ran(1, 30, 3 * SECOND)


def test_jobs_that_are_gone_before_everyone_is_warm_have_no_rate() -> None:
    with pytest.raises(ValueError, match="before 2 processes had run 50 each"):
        drain_rate([Ran(1, 100, SECOND)], jobs=100, processes=2, warm_up=50)


def test_jobs_that_are_all_told_at_once_have_no_rate() -> None:
    with pytest.raises(ValueError, match="before 1 processes had run 50 each"):
        drain_rate([Ran(1, 100, SECOND)], jobs=100, processes=1, warm_up=50)


def test_jobs_that_do_not_end_have_no_rate() -> None:
    with pytest.raises(ValueError, match="did not end"):
        drain_rate([Ran(1, 50, SECOND), Ran(1, 60, 2 * SECOND)], jobs=100, processes=1, warm_up=50)
