"""What is committed is what the generators write, and generated folders hold nothing else."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from deploy import generate
from deploy.grafana import generate as boards
from tests.unit.deploy.rules import ROOT

DEPLOY = ROOT / "deploy"


@cache
def generated() -> dict[str, str]:
    return generate.generated_files()


@pytest.mark.parametrize("name", generated())
def test_a_generated_file_is_as_the_generator_writes_it(name: str) -> None:
    path = DEPLOY / name
    assert path.exists(), "run: python -m deploy.generate"
    assert path.read_text() == generated()[name], "run: python -m deploy.generate"


@pytest.mark.parametrize("name", boards.generated_boards())
def test_a_board_is_as_the_generator_writes_it(name: str) -> None:
    assert (boards.FOLDER / name).read_text() == boards.generated_boards()[name], (
        "run: python -m deploy.grafana.generate"
    )


@pytest.mark.parametrize("folder", ["kubernetes/base/workloads", "kubernetes/components/keda/scaled-objects"])
def test_a_generated_folder_holds_nothing_that_is_no_longer_generated(folder: str) -> None:
    there = {path.relative_to(DEPLOY).as_posix() for path in (DEPLOY / folder).iterdir()}
    assert there == {name for name in generated() if name.startswith(f"{folder}/")}


def test_every_board_is_given_to_the_cluster() -> None:
    kustomization = yaml.safe_load((DEPLOY / "grafana" / "kustomization.yaml").read_text())
    files = set(kustomization["configMapGenerator"][0]["files"])
    assert files == {f"boards/{name}" for name in boards.generated_boards()}
    assert {path.name for path in boards.FOLDER.iterdir()} == set(boards.generated_boards())


def test_generating_writes_only_what_differs(tmp_path: Path) -> None:
    first = generate.write(tmp_path)
    assert len(first) == len(generated())
    assert generate.write(tmp_path) == []
    first[0].write_text("something else")
    assert generate.write(tmp_path) == [first[0]]
