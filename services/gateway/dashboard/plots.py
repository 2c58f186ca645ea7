"""Plots as SVG lines: from numbers to points. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 240
HEIGHT: Final = 40
_MARGIN: Final = 1.5
_FEWEST: Final = 24
"""A plot of fewer points does not fill its width, so that a young one does not look like a long history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Lines on one scale, from nothing up.

    Args:
        top: the value at the upper edge.
        lines: for each series, the points of its pieces; a series is broken where a value is missing.
    """

    top: float
    lines: Sequence[Sequence[str]]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but zeros, or nothing at all."""
        return self.top <= 0


def plot(*series: Sequence[float | None]) -> Plot:
    """The plot of these series, which are of one length and of one unit."""
    top = max((value for values in series for value in values if value is not None), default=0.0)
    return Plot(top=top, lines=[_pieces(values, top) for values in series])


def _pieces(values: Sequence[float | None], top: float) -> list[str]:
    if top <= 0:
        return []
    slots = max(len(values), _FEWEST) - 1
    first = slots + 1 - len(values)
    pieces: list[list[str]] = [[]]
    for place, value in enumerate(values, start=first):
        if value is None:
            pieces.append([])
            continue
        x = place * WIDTH / slots
        y = HEIGHT - _MARGIN - value / top * (HEIGHT - 2 * _MARGIN)
        pieces[-1].append(f"{x:.1f},{y:.1f}")
    # One point alone is drawn as a dot: a line of no length with round ends.
    return [" ".join(piece if len(piece) > 1 else piece * 2) for piece in pieces if piece]
