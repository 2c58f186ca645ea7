"""Finding the servers' programs."""

import os
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from libs.embedded import EmbeddedServerError
from libs.embedded.binaries import MONGOD, REDIS_SERVER, Program, SpecFinder, find


def _nowhere(_name: str) -> None:
    return None


def _package_at(folder: Path) -> SpecFinder:
    spec = ModuleSpec("package", loader=None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return lambda _name: spec


def _put_program(folder: Path, program: Program, *, mode: int = 0o755) -> Path:
    path = folder / program.location
    path.parent.mkdir(parents=True)
    path.touch(mode)
    return path


@pytest.mark.parametrize("program", [REDIS_SERVER, MONGOD], ids=lambda program: program.name)
def test_the_program_in_the_package_is_preferred(program: Program, tmp_path: Path) -> None:
    path = _put_program(tmp_path, program)
    assert find(program, find_package=_package_at(tmp_path), find_on_path=lambda name: f"/usr/bin/{name}") == path


@pytest.mark.parametrize("program", [REDIS_SERVER, MONGOD], ids=lambda program: program.name)
def test_a_package_without_the_program_does_not_hide_the_one_on_the_path(program: Program, tmp_path: Path) -> None:
    found = find(program, find_package=_package_at(tmp_path), find_on_path=lambda name: f"/usr/bin/{name}")
    assert found == Path("/usr/bin", program.name)


def test_a_file_that_cannot_be_executed_is_no_program(tmp_path: Path) -> None:
    _put_program(tmp_path, MONGOD, mode=0o644)
    with pytest.raises(EmbeddedServerError):
        find(MONGOD, find_package=_package_at(tmp_path), find_on_path=_nowhere)


@pytest.mark.parametrize(("program", "variable"), [(REDIS_SERVER, "REDIS_URL"), (MONGOD, "MONGODB_URI")])
def test_a_machine_without_the_program_is_told_what_to_install_and_which_variable_to_set(
    program: Program, variable: str
) -> None:
    with pytest.raises(EmbeddedServerError) as caught:
        find(program, find_package=_nowhere, find_on_path=_nowhere)
    message = str(caught.value)
    assert f"No {program.name} was found on this machine ({os.uname().sysname}" in message
    assert 'pip install "tuco-jobs[embedded]"' in message
    assert f"install {program.product}" in message
    assert f"{variable}={program.example}" in message
