"""Shows the results to a person."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.queue.facts import FACTS, OURS
from benchmarks.queue.results import BASELINE, Result, by_row

_NONE = "-"


def table(results: Sequence[Result], *, recovery_limit_s: float) -> Table:
    """One line per row, one column per peer, and how ours compares.

    Args:
        results: the medians.
        recovery_limit_s: how long a recovery was waited for.
    """
    rows = by_row(results)
    peers = list(dict.fromkeys([OURS, BASELINE, *(result.peer for result in results)]))
    ours = {row: got[OURS].value or 0.0 for row, got in rows.items() if OURS in got}
    shown = Table(title="Queues compared, medians")
    shown.add_column("row", no_wrap=True)
    shown.add_column("unit", no_wrap=True)
    for peer in peers:
        shown.add_column(peer, justify="right", no_wrap=True, style="bold" if peer == OURS else "")
    shown.add_column("to BullMQ", justify="right", no_wrap=True)
    shown.add_column("goal", no_wrap=True)
    shown.add_column("met")
    for row, got in rows.items():
        cells = [_cell(got.get(peer), recovery_limit_s) for peer in peers]
        shown.add_row(row, FACTS[row].unit, *cells, *_verdict(got.get(OURS), ours))
    return shown


def _cell(result: Result | None, recovery_limit_s: float) -> str:
    if result is None:
        return _NONE
    if result.value is None:
        return f"> {recovery_limit_s:g}"
    return f"{result.value:,.0f}" if result.value >= 1_000 else f"{result.value:.3g}"


def _verdict(result: Result | None, ours: dict[str, float]) -> tuple[str, str, str]:
    if result is None:
        return _NONE, "", ""
    ratio = _NONE if result.ratio_to_bullmq is None else f"{result.ratio_to_bullmq:.2f}"
    goal = FACTS[result.row].goal
    if goal is None:
        return ratio, "", ""
    met = None if result.value is None else goal.met(result.value, result.ratio_to_bullmq, ours)
    return ratio, goal.words, {True: "yes", False: "[red]no[/red]", None: _NONE}[met]
