"""What a running sync says of itself."""

from typing import Any

import msgspec

from libs.common.stores.sync_runs import Counts, RunStatus, SyncRun


def progress_of(counts: Counts, *, total: int | None, fetched_before: int, seconds: float) -> dict[str, Any]:
    """Counts, and how long the rest will take at the pace so far.

    Args:
        counts: of the run.
        total: rows to expect in all, where the source could say; grown where it said too few.
        fetched_before: rows of earlier attempts.
        seconds: for how long this attempt has been at work.
    """
    progress: dict[str, Any] = msgspec.to_builtins(counts)
    if total is None:
        return progress
    progress["total"] = max(total, counts.fetched)
    pace = (counts.fetched - fetched_before) / seconds if seconds > 0 else 0.0
    if pace > 0:
        progress["secondsLeft"] = round((progress["total"] - counts.fetched) / pace)
    return progress


def result_of(run: SyncRun, *, status: RunStatus | None = None) -> dict[str, Any]:
    """What the job of a run answers."""
    return {
        "runId": str(run.id),
        "status": str(status or run.status),
        "mode": str(run.mode),
        "counts": msgspec.to_builtins(run.counts),
        "problems": run.checkpoint.problems,
    }
