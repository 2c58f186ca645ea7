"""The checks of an act of the demonstration, for people and for programs."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from libs.cli.demo.audit import Check

_SIDES: Final[Sequence[JustifyMethod]] = ("left", "left", "right")


def all_hold(checks: Sequence[Check]) -> bool:
    """Whether all numbers add up."""
    return all(check.holds for check in checks)


def checks_view(checks: Sequence[Check], *, verdict: str) -> RenderableType:
    """A line for each check, and the verdict.

    Args:
        checks: everything that must hold.
        verdict: what is said where it does.
    """
    lines = Table.grid(padding=(0, 2, 0, 0))
    for side in _SIDES:
        lines.add_column(justify=side)
    for check in checks:
        mark = Text("✓", style="green") if check.holds else Text("✗", style="bold red")
        found = f"{check.found:,}" if check.holds else f"{check.found:,} (should be {check.expected:,})"
        lines.add_row(mark, check.claim, found)
    said = (
        Text(verdict, style="bold green") if all_hold(checks) else Text("The numbers do not add up.", style="bold red")
    )
    return Group(lines, "", said)


def checks_data(checks: Sequence[Check]) -> dict[str, object]:
    """The same for programs: ``checks``, and whether all of them hold."""
    told = [
        {"claim": check.claim, "expected": check.expected, "found": check.found, "holds": check.holds}
        for check in checks
    ]
    return {"checks": told, "holds": all_hold(checks)}
