"""The table of fault runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.chaos.fault import Fault, Outcome

_ROW = "{:>3}  {:<52} {:>8} {:>7} {:>4} {:>8} {:>7} {:>6} {:>8} {:>11} {:>20} {:>8}  {}"
_HEAD = (
    "no",
    "fault",
    "accepted",
    "effects",
    "lost",
    "repeated",
    "phantom",
    "parked",
    "attempts",
    "asked again",
    "recovery p50/p99/max",
    "gap",
    "injured",
)


def row_of(fault: Fault, outcome: Outcome) -> dict[str, Any]:
    """A run as plain data, as it travels from a test to the report."""
    return {"number": fault.number, "name": fault.name, "injured": outcome.injured, **asdict(outcome.tally)}


def table(rows: Sequence[Mapping[str, Any]], not_run: Mapping[str, str]) -> list[str]:
    """The table, a line each.

    Args:
        rows: from :func:`row_of`.
        not_run: the faults that were not run, each with the reason.
    """
    lines = [_ROW.format(*_HEAD)]
    for row in sorted(rows, key=lambda each: (each["number"], each["name"])):
        p50, p99, longest = row["recovery_s"]
        lines.append(
            _ROW.format(
                row["number"],
                row["name"],
                row["accepted"],
                row["effects"],
                row["lost"],
                row["repeated"],
                row["phantom"],
                row["parked"],
                row["attempts"],
                row["asked_again"],
                f"{p50:.1f}/{p99:.1f}/{longest:.1f} s",
                f"{row['longest_gap_s']:.1f} s",
                "yes" if row["injured"] else "NO",
            )
        )
    return lines + [f"not run: {name}: {reason}" for name, reason in not_run.items()]
