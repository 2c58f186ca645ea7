"""How a line is, after one more look at it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.stores.line_health import StoredHealth
from libs.common.stores.lines import HealthStatus
from services.availability.health_rules import SLOW_MS, Look, next_health

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def looks(words: str) -> list[str]:
    """The statuses after looks that were good (g), bad (b) or slow (s)."""
    health: StoredHealth | None = None
    found = []
    for n, word in enumerate(words):
        at = NOW + n * timedelta(minutes=5)
        look = {
            "g": Look(at=at, latency_ms=20),
            "b": Look(at=at, reason="refused"),
            "s": Look(at=at, latency_ms=SLOW_MS + 1),
        }[word]
        health = next_health(health, look)
        found.append(health.status.value)
    return found


def test_a_line_that_answers_is_up() -> None:
    assert looks("gg") == ["up", "up"]


def test_one_look_that_fails_is_no_outage() -> None:
    assert looks("gbgg") == ["up", "degraded", "degraded", "up"]


def test_two_in_a_row_are() -> None:
    assert looks("gbb") == ["up", "degraded", "down"]


def test_a_new_line_that_never_answered_is_not_down_at_once() -> None:
    assert looks("bb") == ["degraded", "down"]


def test_a_line_that_was_down_is_trusted_again_step_by_step() -> None:
    assert looks("bbgg") == ["degraded", "down", "degraded", "up"]


def test_a_line_that_comes_and_goes_is_not_trusted() -> None:
    assert looks("bbgbgb") == ["degraded", "down", "degraded", "degraded", "degraded", "degraded"]


def test_a_slow_line_is_degraded_and_says_so() -> None:
    assert looks("gsg") == ["up", "degraded", "up"]
    assert next_health(None, Look(at=NOW, latency_ms=SLOW_MS + 1)).reason == "slow"


def test_what_is_wrong_is_kept_until_it_is_right() -> None:
    bad = next_health(None, Look(at=NOW, reason="authentication"))
    assert (bad.reason, bad.consecutive_failures) == ("authentication", 1)
    good = next_health(bad, Look(at=NOW, latency_ms=5))
    assert (good.reason, good.consecutive_failures, good.latency_ms) == (None, 0, 5)


@given(st.text("gbs", min_size=1, max_size=30))
def test_a_line_is_down_only_after_two_failures_in_a_row_and_up_only_after_a_success(words: str) -> None:
    for n, status in enumerate(looks(words)):
        if status == HealthStatus.DOWN:
            assert words[n - 1 : n + 1] == "bb" or (words[n] == "b" and "bb" in words[:n])
        if status == HealthStatus.UP:
            assert words[n] == "g"
