"""Each safeguard, taken out of every process: the row of the fault that it is there for must turn red."""

from collections.abc import Callable
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

import pytest

from libs.common.broker import scripts
from tests.chaos.conftest import WITHOUT
from tests.chaos.fault import run_fault
from tests.chaos.pairs import PAIRS, Pair
from tests.chaos.report import row_without
from tests.chaos.unguarded.safeguards import REMOVALS

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "chaos.md"
_PATIENCE_S = 20


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


@pytest.mark.parametrize("safeguard", REMOVALS)
def test_what_removes_a_safeguard_still_finds_it(safeguard: str) -> None:
    # In a process of its own, which has no safeguard afterwards.
    child = get_context("fork").Process(target=_remove, args=[safeguard])
    child.start()
    child.join(_PATIENCE_S)

    assert child.exitcode == 0


def _remove(safeguard: str) -> None:
    REMOVALS[safeguard]()
    for file in (files("libs.common.broker") / "scripts").iterdir():
        if file.name.endswith(".lua"):
            scripts.script(file.name.removesuffix(".lua"))


def test_the_page_holds_the_pairs_as_they_are_run() -> None:
    rows = {f"| {pair.safeguard} | {pair.fault} | {pair.harm} |" for pair in PAIRS}
    assert rows <= set(_PAGE.read_text().splitlines())
