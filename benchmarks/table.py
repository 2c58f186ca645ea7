"""Shows figures to a person."""

import math
from collections.abc import Sequence

from rich.table import Table

from benchmarks.figures import OURS, Figure


def table(figures: Sequence[Figure], *, title: str) -> Table:
    """One line per row: ours, what it stands beside, the ratio, the goal.

    Args:
        figures: of any benchmarks.
        title: where and when they were taken.
    """
    shown = Table(title=title, title_justify="left")
    shown.add_column("row", no_wrap=True)
    for heading in (OURS, "beside"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("unit", no_wrap=True)
    shown.add_column("ratio", justify="right")
    shown.add_column("goal", no_wrap=True)
    shown.add_column("met")
    for row in dict.fromkeys(figure.row for figure in figures):
        of_row = [figure for figure in figures if figure.row == row]
        ours = next((figure for figure in of_row if figure.peer == OURS), None)
        beside = next((figure for figure in of_row if figure.peer == (ours.baseline if ours else "")), None)
        if ours is None:
            continue
        shown.add_row(
            row,
            number(ours.value),
            f"{beside.peer} {number(beside.value)}" if beside else "",
            ours.unit,
            f"{ours.ratio:.2f}" if ours.ratio is not None else "",
            ours.goal,
            {True: "yes", False: "[red]no[/red]", None: ""}[ours.met],
        )
    return shown


def number(value: float) -> str:
    """A number as people read it: three digits, or all before the point; ``never`` for what did not come."""
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
