"""Figures: medians, ratios, goals, and the file."""

import json
from pathlib import Path

import pytest

from benchmarks.figures import BULLMQ, OURS, Figure, Goal, Measured, read_json, write_json
from benchmarks.pictures import draw


@pytest.fixture
def measured() -> Measured:
    found = Measured()
    for ours, theirs in ((90.0, 100.0), (110.0, 50.0), (130.0, 200.0)):
        found.note("speed", OURS, ours, "jobs/s", Goal(at_least_ratio=1))
        found.note("speed", BULLMQ, theirs, "jobs/s")
    found.note("memory", OURS, 80.0, "MB", Goal(at_most=70))
    return found


def test_a_figure_is_the_median_of_its_rounds_and_its_ratio_that_of_the_medians(measured: Measured) -> None:
    ours, theirs, _ = measured.figures()

    assert (ours.value, ours.ratio, ours.baseline) == (110.0, 1.1, BULLMQ)
    assert theirs.value == 100.0


def test_a_goal_is_judged_by_ours_alone(measured: Measured) -> None:
    speed, theirs, memory = measured.figures()

    assert (speed.met, theirs.met, memory.met) == (True, None, False)


def test_without_a_baseline_a_ratio_is_not_known_and_no_goal_missed() -> None:
    found = Measured()
    found.note("speed", OURS, 3.0, "jobs/s", Goal(at_least_ratio=1))

    (only,) = found.figures()

    assert (only.ratio, only.met) == (None, None)


def test_the_file_is_a_list_that_names_the_baseline_and_can_be_read_again(measured: Measured, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"

    write_json(measured.figures(), file)

    assert json.loads(file.read_text())[0] == {
        "row": "speed",
        "peer": OURS,
        "value": 110.0,
        "unit": "jobs/s",
        "ratio_to_bullmq": 1.1,
        "goal": "≥ 1 x",
        "met": True,
    }
    assert read_json(file) == measured.figures()


def test_what_did_not_come_is_null_in_the_file_and_infinite_when_read(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    never = Figure(row="recovery_s", peer="rq", value=float("inf"), unit="s", baseline="bullmq")

    write_json([never], file)

    assert json.loads(file.read_text())[0]["value"] is None
    assert read_json(file) == [never]


def test_the_figures_that_are_kept_are_json() -> None:
    kept = (Path(__file__).parents[3] / "docs/benchmarks/figures.json").read_text()

    json.loads(kept, parse_constant=pytest.fail)


def test_a_row_of_which_nothing_came_can_be_drawn() -> None:
    never = Figure(row="recovery_s", peer="rq", value=float("inf"), unit="s")

    assert ">never</text>" in draw("Recovery", {"after a crash": [never]}, caption="here")
