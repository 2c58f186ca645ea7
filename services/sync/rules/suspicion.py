"""When a run stops because its rows look wrong as a whole, as they do when a field map points at the wrong columns."""

from typing import Final

from libs.common.stores.sync_runs import Counts

FEWEST_FAILED: Final = 10
"""So many rows must have failed: three bad rows in a sheet of ten are three bad rows."""


def is_suspicious(counts: Counts, *, share: float) -> bool:
    """Whether more than ``share`` of the rows so far have failed.

    Asked before each page is written, with the page counted in, so that a run whose first page is nonsense writes
    nothing.
    """
    return counts.failed >= FEWEST_FAILED and counts.failed > share * counts.fetched
