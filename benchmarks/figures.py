"""What benchmarks find, in one form: a figure per row and peer, and how ours compares with what it stands beside."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

OURS = "tuco-jobs"
BULLMQ = "bullmq"

Verdict = bool | None
"""Whether a goal is met; ``None`` where it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is wanted of our figure.

    Args:
        at_least: the least value.
        at_most: the greatest value.
        at_least_ratio: the least value in multiples of the baseline's.
        at_most_ratio: the greatest, likewise.
    """

    at_least: float | None = None
    at_most: float | None = None
    at_least_ratio: float | None = None
    at_most_ratio: float | None = None

    @property
    def words(self) -> str:
        """The goal, for a table."""
        parts = ((self.at_least, "≥ {:,g}"), (self.at_most, "≤ {:,g}"))
        ratios = ((self.at_least_ratio, "≥ {:g} x"), (self.at_most_ratio, "≤ {:g} x"))
        return ", ".join(words.format(bound) for bound, words in (*parts, *ratios) if bound is not None)

    def met(self, value: float, ratio: float | None) -> Verdict:
        """Whether a figure reaches it."""
        if self.at_least is not None and value < self.at_least:
            return False
        if self.at_most is not None and value > self.at_most:
            return False
        if self.at_least_ratio is None and self.at_most_ratio is None:
            return True
        if ratio is None:
            return None
        return (self.at_least_ratio or 0.0) <= ratio <= (self.at_most_ratio or float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure.

    Args:
        row: what was measured.
        peer: of whom.
        value: the number; infinite where what was waited for did not come.
        unit: its unit.
        baseline: the peer that it is compared with; empty for none.
        ratio: the number divided by the baseline's of the same run.
        goal: what is wanted of it.
        met: whether that is reached.
    """

    row: str
    peer: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None
    goal: str = ""
    met: Verdict = None


class Measured:
    """Collects numbers of several rounds, and makes figures of their medians.

    Args:
        baseline: the peer that others are compared with.
    """

    def __init__(self, baseline: str = BULLMQ) -> None:
        self._baseline = baseline
        self._values: dict[tuple[str, str], list[float]] = {}
        self._units: dict[str, str] = {}
        self._goals: dict[str, Goal] = {}

    def note(self, row: str, peer: str, value: float, unit: str, goal: Goal | None = None) -> None:
        """A number of one round."""
        self._values.setdefault((row, peer), []).append(value)
        self._units[row] = unit
        if goal is not None:
            self._goals[row] = goal
        print(f"  {row:<34} {peer:<14} {value:>14,.2f} {unit}", flush=True)

    def figures(self) -> list[Figure]:
        """The medians, in the order in which rows and peers came."""
        medians = {key: median(values) for key, values in self._values.items()}
        rows = list(dict.fromkeys(row for row, _ in medians))
        ordered = sorted(medians.items(), key=lambda item: rows.index(item[0][0]))
        return [self._figure(row, peer, value, medians.get((row, self._baseline))) for (row, peer), value in ordered]

    def _figure(self, row: str, peer: str, value: float, base: float | None) -> Figure:
        ratio = value / base if base else None
        goal = self._goals.get(row) if peer == OURS else None
        return Figure(
            row=row,
            peer=peer,
            value=round(value, 3),
            unit=self._units[row],
            baseline=self._baseline if ratio is not None else "",
            ratio=None if ratio is None else round(ratio, 3),
            goal=goal.words if goal else "",
            met=goal.met(value, ratio) if goal else None,
        )


def write_json(figures: Iterable[Figure], path: Path) -> None:
    """Writes figures as a list of ``{row, peer, value, unit, ratio_to_BASELINE, goal, met}``.

    A value is ``null`` where what was waited for did not come: JSON knows no infinity.
    """
    told = json.dumps([_as_json(figure) for figure in figures], indent=2, allow_nan=False)
    path.write_text(told + "\n", encoding="utf-8")


def read_json(path: Path) -> list[Figure]:
    """Figures as they were written here, or by the bench of queues."""
    return [_from_json(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _as_json(figure: Figure) -> dict[str, Any]:
    ratio = {f"ratio_to_{figure.baseline}": figure.ratio} if figure.baseline else {}
    goal = {"goal": figure.goal, "met": figure.met} if figure.goal else {}
    value = figure.value if math.isfinite(figure.value) else None
    return {"row": figure.row, "peer": figure.peer, "value": value, "unit": figure.unit, **ratio, **goal}


def _from_json(entry: Mapping[str, Any]) -> Figure:
    prefix = "ratio_to_"
    baseline = next((name.removeprefix(prefix) for name in entry if name.startswith(prefix)), "")
    value = entry["value"]
    return Figure(
        row=entry["row"],
        peer=entry["peer"],
        value=float("inf") if value is None else value,
        unit=entry["unit"],
        baseline=baseline,
        ratio=entry.get(prefix + baseline),
        goal=entry.get("goal", ""),
        met=entry.get("met"),
    )


def of_row(figures: Sequence[Figure], row: str) -> list[Figure]:
    """The figures of one row."""
    return [figure for figure in figures if figure.row == row]
