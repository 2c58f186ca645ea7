"""How a new line's limits grow."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.budgets.limits import LineLimits, WarmUp, limits_on

FULL = LineLimits(per_minute=5, per_day=100, new_conversations_per_day=50)
BORN = date(2026, 3, 1)


def test_a_line_without_warm_up_has_its_own_limits() -> None:
    assert limits_on(BORN, FULL, None) == FULL


def test_a_new_line_begins_with_its_initial_share() -> None:
    assert limits_on(BORN, FULL, WarmUp(first_day=BORN, days=14, initial_share=0.1)) == LineLimits(
        per_minute=5, per_day=10, new_conversations_per_day=5
    )


def test_a_line_is_halfway_up_halfway_through() -> None:
    assert limits_on(BORN + timedelta(days=7), FULL, WarmUp(first_day=BORN, days=14, initial_share=0.1)) == LineLimits(
        per_minute=5, per_day=55, new_conversations_per_day=28
    )


def test_the_full_limits_hold_after_warm_up() -> None:
    assert limits_on(BORN + timedelta(days=14), FULL, WarmUp(first_day=BORN)) == FULL


def test_no_limit_stays_no_limit() -> None:
    assert limits_on(BORN, LineLimits(), WarmUp(first_day=BORN)) == LineLimits()


@given(
    limit=st.integers(1, 10_000),
    days=st.integers(1, 90),
    share=st.floats(0.01, 1),
    age=st.integers(-3, 100),
)
def test_limits_grow_from_one_to_the_whole_and_never_beyond(limit: int, days: int, share: float, age: int) -> None:
    warm_up = WarmUp(first_day=BORN, days=days, initial_share=share)

    def per_day(at: int) -> int:
        return limits_on(BORN + timedelta(days=at), LineLimits(per_day=limit), warm_up).per_day or 0

    assert 1 <= per_day(age) <= per_day(age + 1) <= limit
