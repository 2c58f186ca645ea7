"""Waiting for a job that a benchmark has added."""

import time
from typing import Final

from libs.common.broker.queue import JobQueue
from libs.common.jobs.states import JobState

PATIENCE_S: Final = 600.0
"""How long anything in a benchmark may take; the longest takes two minutes."""

_POLL_S = 0.02


def await_completed(queue: JobQueue, job_id: str, *, within_s: float = PATIENCE_S) -> None:
    """Returns once the job is done.

    Args:
        queue: where it was added.
        job_id: the job.
        within_s: how long it may take, in seconds.

    Raises:
        RuntimeError: it failed, or the time is over.
    """
    deadline = time.monotonic() + within_s
    while (view := queue.get(job_id)) is None or view.state is not JobState.COMPLETED:
        if time.monotonic() > deadline or (view and view.state is JobState.FAILED):
            raise RuntimeError(f"job {job_id} did not complete: {view and (view.reason or view.state)}")
        time.sleep(_POLL_S)
