"""The tables of a run: one row for each fault, one for each safeguard removed; as text, JSON and Markdown."""

import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from libs.embedded import binaries
from tests.chaos.fault import Fault, Outcome

Row = Mapping[str, Any]

MARKDOWN: Final = "report.md"
JSON: Final = "report.json"
_PACKAGES: Final = {"Dramatiq": "dramatiq", "PyMongo": "pymongo", "redis-py": "redis"}
_SERVERS: Final = {"Redis": binaries.REDIS_SERVER, "MongoDB": binaries.MONGOD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run of ``make chaos`` came to.

    Args:
        date: when, a day.
        machine: on what.
        versions: of what, by name.
        took_s: how long it took.
        faults: from :func:`row_of`.
        safeguards: from :func:`row_without`.
        not_run: the faults that were not run, each with the reason.
    """

    date: str
    machine: str
    versions: Mapping[str, str]
    took_s: float
    faults: Sequence[Row]
    safeguards: Sequence[Row]
    not_run: Mapping[str, str]


_COLUMNS: Final[Sequence[tuple[str, Callable[[Row], object]]]] = (
    ("no", lambda row: row["number"]),
    ("fault", lambda row: row["name"]),
    ("accepted", lambda row: row["accepted"]),
    ("effects", lambda row: row["effects"]),
    ("lost", lambda row: row["lost"]),
    ("repeated", lambda row: row["repeated"]),
    ("phantom", lambda row: row["phantom"]),
    ("parked", lambda row: row["parked"]),
    ("attempts", lambda row: row["attempts"]),
    ("asked again", lambda row: row["asked_again"]),
    ("recovery p50/p99/max", lambda row: "/".join(f"{each:.1f}" for each in row["recovery_s"]) + " s"),
    ("gap", lambda row: f"{row['longest_gap_s']:.1f} s"),
    ("took", lambda row: f"{row['took_s']:.0f} s"),
    ("injured", lambda row: "yes" if row["injured"] else "NO"),
)
_SAFEGUARD_COLUMNS: Final[Sequence[tuple[str, Callable[[Row], object]]]] = (
    ("safeguard removed", lambda row: row["safeguard"]),
    ("fault", lambda row: row["name"]),
    ("what must then be seen", lambda row: row["harm"]),
    ("seen", lambda row: f"{row['lost']} lost, {row['repeated']} repeated, {row['ended_twice']} ended twice"),
    ("row", lambda row: "red" if row["red"] else "NOT RED"),
)


def row_of(fault: Fault, outcome: Outcome) -> dict[str, Any]:
    """A run as plain data, as it travels from a test to the report."""
    row: dict[str, Any] = {
        "number": fault.number,
        "name": fault.name,
        "injured": outcome.injured,
        "took_s": round(outcome.took_s, 1),
        "injuries": list(outcome.injuries),
        **asdict(outcome.tally),
    }
    # pytest-xdist carries nothing but plain data from process to process.
    plain: dict[str, Any] = msgspec.to_builtins(row)
    return plain


def row_without(safeguard: str, fault: Fault, harm: str, outcome: Outcome, *, red: bool) -> dict[str, Any]:
    """A run without a safeguard as plain data.

    Args:
        safeguard: what was removed.
        fault: what was let loose.
        harm: what must be seen, for a person.
        outcome: what it came to.
        red: whether that was seen.
    """
    return {**row_of(fault, outcome), "safeguard": safeguard, "harm": harm, "red": red}


def report_of(faults: Sequence[Row], safeguards: Sequence[Row], not_run: Mapping[str, str], *, took_s: float) -> Report:
    """The report of a run that has just ended on this machine."""
    return Report(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=_machine(),
        versions={
            "Python": platform.python_version(),
            **{name: version(name) for name in ("dramatiq", "pymongo", "redis")},
        },
        took_s=round(took_s, 1),
        faults=sorted(faults, key=lambda row: (row["number"], row["name"])),
        safeguards=sorted(safeguards, key=lambda row: str(row["safeguard"])),
        not_run=not_run,
    )


def as_text(report: Report) -> list[str]:
    """The report for a terminal, a line each."""
    lines = _aligned(_COLUMNS, report.faults) if report.faults else []
    if report.safeguards:
        lines += ["", *_aligned(_SAFEGUARD_COLUMNS, report.safeguards)]
    return [*lines, *(f"not run: {name}: {reason}" for name, reason in report.not_run.items())]


def as_markdown(report: Report) -> str:
    """The report for the documentation."""
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    parts = [
        f"{report.date}, {report.machine}; {versions}; {report.took_s / 60:.0f} minutes in all.",
        "\n".join(_piped(_COLUMNS, report.faults)),
        "\n".join(_piped(_SAFEGUARD_COLUMNS, report.safeguards)),
        "\n".join(f"- not run: {name}: {reason}" for name, reason in report.not_run.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(report: Report) -> bytes:
    """The report for programs, with the counts by kind of work as well."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def write(report: Report, folder: Path) -> None:
    """Write the report into a folder as ``report.json`` and ``report.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON).write_bytes(as_json(report))
    (folder / MARKDOWN).write_text(as_markdown(report))


def _cells(columns: Sequence[tuple[str, Callable[[Row], object]]], rows: Iterable[Row]) -> list[list[str]]:
    return [[name for name, _cell in columns], *([str(cell(row)) for _name, cell in columns] for row in rows)]


def _aligned(columns: Sequence[tuple[str, Callable[[Row], object]]], rows: Sequence[Row]) -> list[str]:
    cells = _cells(columns, rows)
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _piped(columns: Sequence[tuple[str, Callable[[Row], object]]], rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    head, *others = (f"| {' | '.join(line)} |" for line in _cells(columns, rows))
    return [head, f"|{' --- |' * len(columns)}", *others]


def _versions() -> dict[str, str]:
    servers = {name: _version_of(binaries.find(program)) for name, program in _SERVERS.items()}
    packages = {name: version(package) for name, package in _PACKAGES.items()}
    return {"Python": platform.python_version(), **servers, **packages}


def _version_of(program: Path) -> str:
    """The first number with dots in what a server says of its version."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else "unknown"


def _machine() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{os.cpu_count()} cores, {pages / (1 << 30):.0f} GB, {platform.system()} {platform.machine()}"
