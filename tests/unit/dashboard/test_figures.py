"""From counters to plots, and from a run's leads to a CSV file."""

import csv
import io

import pytest

from libs.common.broker.model import QueueStats
from services.gateway.dashboard.outcomes import LeadOutcome, csv_lines
from services.gateway.dashboard.plots import HEIGHT, WIDTH, plot
from services.gateway.dashboard.rates import KEPT, RateHistory
from services.gateway.rates import Sample


def look(at_s: float, *, added: int, completed: int = 0) -> Sample:
    totals = {"added": added, "completed": completed, "failed": 0, "cancelled": 0}
    queue = QueueStats(queue="q", counts={}, paused=False, oldest_waiting_seconds=0, totals=totals)
    return Sample(at_s=at_s, queues={"q": queue}, workers={})


def test_a_point_is_taken_over_the_looks_before_it() -> None:
    history = RateHistory()
    for number in range(9):
        history.note(look(5.0 * number, added=10 * number, completed=5 * number))

    series = history.series("q")

    assert series.added == [120] * 8
    assert series.ended == [60] * 8
    assert series.wait_p50 == [None] * 8


def test_a_queue_that_was_emptied_is_no_needle() -> None:
    history = RateHistory()
    for number, added in enumerate([100, 110, 0, 10]):
        history.note(look(5.0 * number, added=added))

    assert history.series("q").added == [120, 0, 0]


def test_what_is_kept_is_bounded() -> None:
    history = RateHistory()
    for number in range(KEPT + 50):
        history.note(look(5.0 * number, added=number))

    assert len(history.series("q").added) == KEPT


def test_a_queue_that_was_never_looked_at_has_no_points() -> None:
    assert history_is_empty(RateHistory())


def history_is_empty(history: RateHistory) -> bool:
    return list(history.series("q").added) == []


def test_lines_of_a_plot_have_one_scale_and_break_where_a_value_is_missing() -> None:
    drawn = plot([0, 10, None, 5], [20, 20, 20, 20])

    assert drawn.top == 20
    assert len(drawn.lines[0]) == 2
    assert len(drawn.lines[1]) == 1
    points = [tuple(map(float, point.split(","))) for point in drawn.lines[1][0].split()]
    assert points[-1][0] == WIDTH
    assert {y for _, y in points} == {1.5}
    assert float(drawn.lines[0][0].split()[0].split(",")[1]) == HEIGHT - 1.5


@pytest.mark.parametrize("series", [[], [None], [0, 0, 0]])
def test_a_plot_of_nothing_is_empty(series: list[float | None]) -> None:
    assert plot(series).is_empty


def rows_of(*, name: str = "", phone: str = "", email: str = "", handle: str = "") -> list[list[str]]:
    lead = LeadOutcome(lead_id="l1", outcome="unknown", name=name, phone=phone, email=email, handle=handle)
    lines = "".join(csv_lines([lead]))
    return list(csv.reader(io.StringIO(lines)))


def test_a_file_can_be_read_back_whatever_stands_in_it() -> None:
    _, row = rows_of(name='Ada "the first"\nLovelace, Countess', email="ada@example.com")

    assert row[2] == 'Ada "the first"\nLovelace, Countess'


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-2+3", "+1;cmd", "\t=1"])
def test_no_cell_of_a_file_is_a_formula(text: str) -> None:
    _, row = rows_of(name=text)

    assert row[2] == f"'{text}"


def test_a_phone_number_in_a_file_stays_as_it_is() -> None:
    _, row = rows_of(phone="+1 (212) 555-0123", handle="+12125550123")

    assert row[3] == "+1 (212) 555-0123"
    assert row[5] == "+12125550123"
