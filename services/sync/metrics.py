"""What syncs count."""

from typing import Final

import msgspec
from prometheus_client import Counter

from libs.common.stores.sync_runs import Counts, RunStatus

ROWS: Final = Counter("tuco_sync_rows_total", "Rows that were taken from CRMs, by what became of them", ["outcome"])
RUNS: Final = Counter("tuco_sync_runs_total", "Runs that have ended, by how", ["status"])

_OUTCOMES: Final = tuple(name for name in Counts.__struct_fields__ if name != "fetched")
"""Every row that was fetched ends as one of these; ``removed`` are those that were not, and had been before."""


def expect_syncs() -> None:
    """Shows these metrics from now on, at 0, so that the first event of each kind is seen as one."""
    for outcome in _OUTCOMES:
        ROWS.labels(outcome)
    for status in RunStatus:
        if status is not RunStatus.RUNNING:
            RUNS.labels(status.value)


def count_rows(before: Counts, after: Counts) -> None:
    """Counts the rows by which a run has come further, or that it found to be gone."""
    was, now = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    for outcome in _OUTCOMES:
        ROWS.labels(outcome).inc(now[outcome] - was[outcome])
