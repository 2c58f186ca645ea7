"""``python -m benchmarks``."""

import subprocess

import pytest

from benchmarks import __main__ as command


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


def test_all_run_even_where_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "NAMES", ("queue", "queue"))
    monkeypatch.setattr(subprocess, "call", lambda _arguments: 3)

    assert command.main([]) == 3
