"""The programs that ``make bench`` runs: their options, and figures from what they tell."""

import json
from pathlib import Path

import pytest

from benchmarks.figures import OURS
from benchmarks.pictures import draw_all
from benchmarks.programs import PROGRAMS
from benchmarks.table import table


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_every_program_is_a_module_that_has_the_options(name: str) -> None:
    folder = Path(__file__).parents[3] / "benchmarks"
    module = next(path for path in (folder / f"{name}.py", folder / name / "__main__.py") if path.exists())
    source = module.read_text()

    for quick in (True, False):
        for option in PROGRAMS[name].options(quick=quick, file=Path("f")):
            assert not option.startswith("--") or f'"{option}"' in source


def test_an_object_of_numbers_becomes_figures_beside_its_ceiling(tmp_path: Path) -> None:
    file = tmp_path / "sync.json"
    file.write_text(json.dumps({"rows_per_second": 800, "ceiling_rows_per_second": 1_000, "worker_peak_mb": 250}))

    speed, ceiling, memory = PROGRAMS["sync"].read(file)

    assert (speed.row, speed.peer, speed.ratio, speed.met) == ("sync_rows_per_second", OURS, 0.8, True)
    assert (ceiling.row, ceiling.value) == ("sync_rows_per_second", 1_000)
    assert (memory.value, memory.met) == (250, False)


def test_figures_have_a_table_and_pictures(tmp_path: Path) -> None:
    file = tmp_path / "sync.json"
    file.write_text(json.dumps({"rows_per_second": 800, "ceiling_rows_per_second": 1_000}))
    figures = PROGRAMS["sync"].read(file)

    assert table(figures, title="today").row_count == 1
    (picture,) = draw_all(figures, tmp_path, caption="today & here")
    drawn = picture.read_text()
    assert "800 rows/s" in drawn
    assert "today &amp; here" in drawn
