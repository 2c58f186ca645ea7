"""``python -m benchmarks``."""

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.programs import PROGRAMS


def test_a_name_that_is_none_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["speed"]) == 2
    assert "There is no benchmark speed" in capsys.readouterr().err


def test_one_benchmark_gets_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def call(arguments: list[str]) -> int:
        commands.append(arguments)
        return 0

    monkeypatch.setattr(subprocess, "call", call)

    assert command.main(["queue", "--quick"]) == 0
    assert [arguments[1:] for arguments in commands] == [["-m", "benchmarks.queue", "--quick"]]


def test_all_run_even_where_one_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(arguments: list[str]) -> int:
        if "benchmarks.sync" in arguments:
            Path(arguments[-1]).write_text(json.dumps({"rows_per_second": 5}))
        return 3

    monkeypatch.setattr(subprocess, "call", call)

    figures, failed = command.run_all([PROGRAMS["queue"], PROGRAMS["sync"]], quick=True)

    assert failed == ["queue"]
    assert [figure.row for figure in figures] == ["sync_rows_per_second"]
