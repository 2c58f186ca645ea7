"""What is asked of a queue in more than one place; :class:`libs.common.broker.queue.JobQueue` does all of it."""

from collections.abc import Sequence
from typing import Protocol

from libs.common.broker.model import Added, JobPage, JobView, NewJob, QueueStats
from libs.common.jobs.states import JobState


class AddsJobs(Protocol):
    """Takes jobs in."""

    def add(self, jobs: Sequence[NewJob]) -> list[Added]:
        """Adds jobs; a known id, or a unique key that an unfinished job holds, adds nothing."""
        ...


class ShowsJobs(Protocol):
    """Shows one job."""

    def get(self, job_id: str) -> JobView | None:
        """The job as the queue knows it now."""
        ...


class BrowsesJobs(Protocol):
    """Shows many jobs."""

    def browse(
        self,
        state: JobState,
        *,
        cursor: str = "",
        limit: int = 50,
        job_type: str = "",
        group: str | None = None,
        text: str = "",
    ) -> JobPage:
        """A page of the jobs in a state."""
        ...


class CountsJobs(Protocol):
    """Knows how many jobs there are."""

    def stats(self) -> QueueStats:
        """The queue in numbers."""
        ...
