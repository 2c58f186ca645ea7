"""From the rounds' numbers to medians and ratios, and to the file that other programs read."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.queue.facts import FACTS

BASELINE = "bullmq"
"""The peer that the others are compared with."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of one round.

    Args:
        row: what was measured.
        peer: of whom.
        value: the number; infinite where what was waited for did not come.
    """

    row: str
    peer: str
    value: float


@dataclass(frozen=True, slots=True)
class Result:
    """The median over the rounds, as the file has it.

    Args:
        row: what was measured.
        peer: of whom.
        value: the number; ``None`` where what was waited for did not come.
        unit: its unit.
        ratio_to_bullmq: the number divided by BullMQ's of the same run; ``None`` where there is none.
    """

    row: str
    peer: str
    value: float | None
    unit: str
    ratio_to_bullmq: float | None


def summarize(samples: Iterable[Sample]) -> list[Result]:
    """The medians, by row in the order of :data:`FACTS` and by peer in the order in which they appear."""
    taken: dict[tuple[str, str], list[float]] = {}
    for sample in samples:
        taken.setdefault((sample.row, sample.peer), []).append(sample.value)
    medians = {key: median(values) for key, values in taken.items()}
    order = list(FACTS)
    return [
        Result(row, peer, _finite(value), FACTS[row].unit, _ratio(value, medians.get((row, BASELINE))))
        for (row, peer), value in sorted(medians.items(), key=lambda item: order.index(item[0][0]))
    ]


def write_json(results: Sequence[Result], path: Path) -> None:
    """Writes the results as a list of objects."""
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")


def by_row(results: Iterable[Result]) -> Mapping[str, Mapping[str, Result]]:
    """The results by row, then by peer."""
    rows: dict[str, dict[str, Result]] = {}
    for result in results:
        rows.setdefault(result.row, {})[result.peer] = result
    return rows


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None


def _ratio(value: float, baseline: float | None) -> float | None:
    if baseline is None or baseline == 0 or not math.isfinite(value) or not math.isfinite(baseline):
        return None
    return round(value / baseline, 3)
