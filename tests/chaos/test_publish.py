"""The tables of a run on their way into the documentation."""

import msgspec
import pytest

from tests.chaos.fault import Fault, Outcome
from tests.chaos.ledger import Observed, tally
from tests.chaos.owed import Accepted, Kind, Owed
from tests.chaos.publish import BEGIN, END, published
from tests.chaos.report import as_json, as_markdown, as_text, report_of, row_of

ROW = {
    "number": 7,
    "name": "Redis emptied",
    "accepted": 3,
    "effects": 3,
    "lost": 0,
    "repeated": 0,
    "phantom": 0,
    "parked": 0,
    "attempts": 4,
    "asked_again": 1,
    "ended_twice": 0,
    "recovery_s": (1.0, 2.0, 3.0),
    "longest_gap_s": 1.5,
    "took_s": 60.0,
    "injured": True,
}
REPORT = report_of(
    [{**ROW, "number": 9}, ROW],
    [{**ROW, "safeguard": "reconciler", "harm": "work is lost", "red": False}],
    {"6 power loss": "needs root"},
    took_s=90.0,
)


def test_a_row_says_what_a_fault_cost() -> None:
    row = "| 7 | Redis emptied | 3 | 3 | 0 | 0 | 0 | 0 | 4 | 1 | 1.0/2.0/3.0 s | 1.5 s | 60 s | yes |"
    assert row in as_markdown(REPORT).splitlines()


def test_rows_stand_in_the_order_of_their_numbers() -> None:
    assert [row["number"] for row in msgspec.json.decode(as_json(REPORT))["faults"]] == [7, 9]


def test_a_safeguard_whose_removal_showed_nothing_stands_out() -> None:
    assert any(line.endswith("NOT RED") for line in as_text(REPORT))


def test_what_was_not_run_stands_under_the_tables_with_its_reason() -> None:
    assert as_text(REPORT)[-1] == "not run: 6 power loss: needs root"


def test_the_tables_of_a_run_take_the_place_of_the_last_ones() -> None:
    page = f"# Faults\n{BEGIN}\nold\n{END}rest\n"
    assert published(page, "new\n") == f"# Faults\n{BEGIN}\nnew\n\n{END}rest\n"


def test_a_page_without_a_place_for_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        published("# Faults\n", "new\n")


def test_a_row_is_plain_data() -> None:
    count = tally(Accepted(owed={Owed(Kind.TICK, "t"): 1.0}), Observed(happened={}), [])
    fault = Fault(number=1, name="one", injure=lambda _run: None, evidence=lambda _run: True)
    outcome = Outcome(tally=count, injured=True, injuries=[], left=1, last_words="", doubtful=[], took_s=1.0)
    assert {type(name) for name in row_of(fault, outcome)["shares"]} == {str}
