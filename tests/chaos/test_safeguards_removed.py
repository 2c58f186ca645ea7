"""Each safeguard, taken out of every process: the row of the fault that it is there for must turn red."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.conftest import WITHOUT
from tests.chaos.fault import run_fault
from tests.chaos.pairs import PAIRS, Pair
from tests.chaos.report import row_without
from tests.chaos.unguarded.safeguards import REMOVALS

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "chaos.md"


@pytest.mark.chaos
@pytest.mark.timeout(400)
@pytest.mark.parametrize("pair", PAIRS, ids=[pair.safeguard.replace(" ", "-") for pair in PAIRS])
def test_without_the_safeguard_the_fault_does_harm(
    pair: Pair, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    fault = pair.fault_without()
    outcome = run_fault(fault, tmp_path)
    red = pair.seen(outcome)
    record_property(WITHOUT, row_without(pair.safeguard, fault, pair.harm, outcome, red=red))
    assert outcome.injuries
    assert red, f"{pair.safeguard}: removed, and nothing showed it: {outcome}\n{outcome.last_words}"


def test_every_safeguard_that_can_be_removed_has_its_fault() -> None:
    assert {pair.safeguard for pair in PAIRS} == REMOVALS.keys()


def test_the_page_holds_the_pairs_as_they_are_run() -> None:
    rows = {f"| {pair.safeguard} | {pair.fault} | {pair.harm} |" for pair in PAIRS}
    assert rows <= set(_PAGE.read_text().splitlines())
