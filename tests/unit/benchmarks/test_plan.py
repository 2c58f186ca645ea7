"""Which measurements there are."""

import os
from pathlib import Path

import pytest

from benchmarks.processes import node_is_missing
from benchmarks.queue import __main__ as command
from benchmarks.queue.facts import FACTS
from benchmarks.queue.plan import entries
from benchmarks.queue.processes import ALL, BULLMQ


def test_every_row_of_the_table_is_measured_by_an_entry() -> None:
    names = [entry.name for entry in entries(ten_million=True)]

    assert [row for row in FACTS if not any(row.startswith(name) for name in names)] == []


def test_ten_million_jobs_are_only_measured_on_demand() -> None:
    assert "backlog_10m" not in {entry.name for entry in entries(ten_million=False)}


def test_a_quick_run_leaves_out_what_takes_long_unless_it_is_named() -> None:
    quick = {entry.name for entry in command.plan_for([], ten_million=False, quick=True)}
    named = {entry.name for entry in command.plan_for(["recovery"], ten_million=False, quick=True)}

    assert "drain_1" in quick
    assert "recovery" not in quick
    assert named == {"recovery"}


def test_without_node_bullmq_is_left_out_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    said: list[str] = []

    assert node_is_missing("bullmq") == "Node.js is not installed"
    assert command.contestants_for([], say=said.append) == [peer for peer in ALL if peer is not BULLMQ]
    assert len(said) == 1
    assert "BullMQ is left out: Node.js is not installed" in said[0]


def test_without_node_nothing_is_said_where_bullmq_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    said: list[str] = []

    assert [peer.name for peer in command.contestants_for(["tuco-jobs"], say=said.append)] == ["tuco-jobs"]
    assert said == []
