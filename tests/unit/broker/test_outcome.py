"""What becomes of a job is decided by a rule without I/O."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.broker.outcome import (
    Cancelled,
    Dead,
    Deferred,
    HandBack,
    HandedBack,
    Lost,
    Outcome,
    RetryLater,
    WaitForChildren,
    WaitsForChildren,
    decide_outcome,
    delay_before_retry,
)
from libs.common.errors import (
    InvalidInput,
    JobCancelled,
    LeaseLost,
    NotNow,
    Permanent,
    QueueFull,
    Retryable,
    StoreUnavailable,
)
from libs.common.jobs.contract import Backoff

NOW = datetime(2026, 11, 24, tzinfo=UTC)
BACKOFF = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=10))


def decide(error: BaseException, *, attempt: int = 1, max_attempts: int = 3) -> Outcome:
    return decide_outcome(
        error, attempt=attempt, max_attempts=max_attempts, backoff=BACKOFF, random=lambda: 0.5, now=NOW
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WaitForChildren(), WaitsForChildren),
        (HandBack(), HandedBack),
        (LeaseLost(), Lost),
        (JobCancelled(), Cancelled),
        (Permanent("no"), Dead),
        (InvalidInput("data", "no"), Dead),
        (Retryable("later"), RetryLater),
        (ValueError("unknown"), RetryLater),
        (StoreUnavailable("mongodb", "no primary"), Deferred),
        (QueueFull("redis", "maxmemory"), Deferred),
        (NotNow(NOW, "quiet hours"), Deferred),
    ],
)
def test_the_error_says_what_becomes_of_the_job(error: BaseException, kind: type[Outcome]) -> None:
    assert isinstance(decide(error), kind)


def test_the_last_attempt_makes_a_dead_letter_with_the_reason() -> None:
    assert decide(Retryable("busy"), attempt=3) == Dead("Retryable: busy")


def test_a_store_that_is_away_costs_no_attempt_even_at_the_last_one() -> None:
    outcome = decide(StoreUnavailable("mongodb", "no primary"), attempt=3)
    assert isinstance(outcome, Deferred)
    assert outcome.until == NOW + timedelta(seconds=5)


@given(attempt=st.integers(1, 10_000), random=st.floats(0, 1, exclude_max=True))
def test_the_backoff_has_full_jitter_below_a_ceiling_that_doubles_to_a_limit(attempt: int, random: float) -> None:
    delay = delay_before_retry(ValueError(), attempt=attempt, backoff=BACKOFF, random=lambda: random)
    ceiling = min(timedelta(minutes=10), timedelta(seconds=1) * 2 ** min(attempt - 1, 20))
    assert timedelta(0) <= delay <= ceiling
    assert abs(delay - ceiling * random) < timedelta(milliseconds=1)


def test_retry_after_is_a_floor_and_not_a_ceiling() -> None:
    error = Retryable("429", after=timedelta(seconds=30))
    assert delay_before_retry(error, attempt=1, backoff=BACKOFF, random=lambda: 0) == timedelta(seconds=30)
    assert delay_before_retry(error, attempt=11, backoff=BACKOFF, random=lambda: 0.9) > timedelta(seconds=500)
