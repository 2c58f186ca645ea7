"""What an HTTP answer that is not a success means."""

from datetime import timedelta

import pytest

from services.sync.sources.answers import refusal, retry_after
from services.sync.sources.contract import (
    AccessRefused,
    AuthRejected,
    NotThere,
    RateLimited,
    SourceError,
    SourceUnavailable,
    WrongRequest,
)
from tests.unit.sync.factories import MONDAY


@pytest.mark.parametrize(
    ("status", "means"),
    [
        (400, WrongRequest),
        (401, AuthRejected),
        (403, AccessRefused),
        (404, NotThere),
        (408, SourceUnavailable),
        (410, NotThere),
        (422, WrongRequest),
        (429, RateLimited),
        (500, SourceUnavailable),
        (502, SourceUnavailable),
        (503, SourceUnavailable),
        (530, SourceUnavailable),
    ],
)
def test_a_status_has_one_meaning(status: int, means: type[SourceError]) -> None:
    error = refusal(status, "text", headers=None, now=MONDAY, usual_wait=timedelta(seconds=10))
    assert type(error) is means


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Mon, 04 Mar 2024 12:00:30 GMT", 30.0),
        ("Mon, 04 Mar 2024 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("1e400", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str, seconds: float | None) -> None:
    wait = retry_after({"retry-AFTER": header}, now=MONDAY)
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


def test_a_rate_limit_that_does_not_say_when_has_its_usual_wait() -> None:
    error = refusal(429, "slow down", headers={}, now=MONDAY, usual_wait=timedelta(seconds=10))
    assert isinstance(error, RateLimited)
    assert error.until == MONDAY + timedelta(seconds=10)


def test_a_long_text_is_cut() -> None:
    error = refusal(400, "x" * 10_000, headers=None, now=MONDAY, usual_wait=timedelta())
    assert len(str(error)) == 300


def test_a_provider_that_is_away_and_says_when_to_come_back_is_a_limit() -> None:
    error = refusal(503, "maintenance", headers={"Retry-After": "600"}, now=MONDAY, usual_wait=timedelta())
    assert isinstance(error, RateLimited)
    assert error.until == MONDAY + timedelta(minutes=10)
