"""The benchmarks there are, how each is started, and how what it tells becomes figures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import OURS, Figure, Goal, read_json

Read = Callable[[Path], list[Figure]]


@dataclass(frozen=True, slots=True)
class Program:
    """A benchmark.

    Args:
        name: its module below ``benchmarks``.
        full: its options for figures that may be quoted.
        quick: its options to see that it runs.
        read: makes figures of the file that it writes.
    """

    name: str
    full: Sequence[str]
    quick: Sequence[str]
    read: Read = read_json

    def options(self, *, quick: bool, file: Path) -> list[str]:
        """The whole of its options.

        Args:
            quick: which kind.
            file: where it writes its figures.
        """
        return [*(self.quick if quick else self.full), "--json", str(file)]


@dataclass(frozen=True, slots=True)
class _Row:
    """How one entry of a program's object becomes a figure."""

    entry: str
    unit: str
    goal: Goal | None = None
    baseline_entry: str = ""
    baseline: str = ""


def _reader(prefix: str, rows: Sequence[_Row]) -> Read:
    def read(file: Path) -> list[Figure]:
        told: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return [figure for row in rows if row.entry in told for figure in _figures_of(prefix, row, told)]

    return read


def _figures_of(prefix: str, row: _Row, told: Mapping[str, Any]) -> list[Figure]:
    value = float(told[row.entry])
    base = told.get(row.baseline_entry)
    ratio = value / float(base) if base else None
    name = f"{prefix}_{row.entry}"
    ours = Figure(
        row=name,
        peer=OURS,
        value=value,
        unit=row.unit,
        baseline=row.baseline if base else "",
        ratio=None if ratio is None else round(ratio, 3),
        goal=row.goal.words if row.goal else "",
        met=row.goal.met(value, ratio) if row.goal else None,
    )
    others = [Figure(row=name, peer=row.baseline, value=float(base), unit=row.unit)] if base else []
    return [ours, *others]


_SCHEDULED = (
    _Row("messages_per_second", "messages/s"),
    _Row("longest_batch_seconds", "s"),
    _Row("memory_growth_mb", "MB"),
)

_SYNC = (
    _Row("rows_per_second", "rows/s", Goal(at_least_ratio=0.7), "ceiling_rows_per_second", "bare bulk writes"),
    _Row("unchanged_rows_per_second", "rows/s"),
    _Row("worker_cpu_us_per_row", "µs/row"),
    _Row("worker_peak_mb", "MB", Goal(at_most=200)),
    _Row("one_percent_changed_seconds", "s"),
)

PROGRAMS: Mapping[str, Program] = {
    program.name: program
    for program in (
        Program("queue", (), ("--quick", "--rounds", "1")),
        Program("availability", (), ("--quick",)),
        Program("gateway", (), ("--quick",)),
        Program(
            "scheduled_messages",
            ("--scheduled", "1000000", "--due", "100000"),
            ("--scheduled", "20000", "--due", "4000"),
            _reader("scheduled", _SCHEDULED),
        ),
        Program("sync", ("--rows", "1000000"), ("--rows", "20000"), _reader("sync", _SYNC)),
    )
}
"""What ``make bench`` runs, in this order."""

FURTHER = ("dashboard", "http_clients")
"""Benchmarks that are run by their names only."""
