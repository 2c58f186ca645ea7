"""Shares of questions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.availability.line_choice import LineLoad, share_out

_LINES = st.lists(st.builds(LineLoad, rate=st.floats(0.1, 1e6), queued=st.integers(0, 5_000)), min_size=1, max_size=8)


@given(st.integers(0, 10_000), _LINES)
@settings(max_examples=500)
def test_every_question_is_given_out_once(questions: int, lines: list[LineLoad]) -> None:
    shares = share_out(questions, lines)
    assert len(shares) == len(lines)
    assert sum(shares) == questions
    assert min(shares) >= 0


@given(st.integers(1, 10_000), _LINES)
@settings(max_examples=500)
def test_no_line_finishes_much_later_than_it_must(questions: int, lines: list[LineLoad]) -> None:
    shares = share_out(questions, lines)
    ends = [(line.queued + share) / line.rate for line, share in zip(lines, shares, strict=True) if share]
    rate = sum(line.rate for line in lines)
    ideal = max(
        (questions + sum(line.queued for line in lines)) / rate,
        max((line.queued / line.rate for line, share in zip(lines, shares, strict=True) if share), default=0),
    )
    # A line may have two questions more than its share by rounding.
    assert max(ends) <= ideal + max(2 / line.rate for line in lines) * 1.001


@pytest.mark.parametrize(
    ("questions", "lines", "expected"),
    [
        (10, [LineLoad(rate=50), LineLoad(rate=50)], [5, 5]),
        (30, [LineLoad(rate=10), LineLoad(rate=20)], [10, 20]),
        (10, [LineLoad(rate=50, queued=100), LineLoad(rate=50)], [0, 10]),
        (20, [LineLoad(rate=50, queued=10), LineLoad(rate=50)], [5, 15]),
        (0, [LineLoad(rate=50)], [0]),
    ],
)
def test_shares_follow_rates_and_spare_the_busy(questions: int, lines: list[LineLoad], expected: list[int]) -> None:
    assert share_out(questions, lines) == expected


def test_a_single_question_goes_to_an_idle_line() -> None:
    assert share_out(1, [LineLoad(rate=50, queued=3), LineLoad(rate=50), LineLoad(rate=50, queued=9)]) == [0, 1, 0]
