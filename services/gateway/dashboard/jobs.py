"""What the pages ask of jobs: pages of them by state, and a person's decisions about them, one or many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec
from werkzeug.exceptions import Conflict, NotFound

from libs.common.broker.model import JobPage, JobView, QueueStats
from libs.common.jobs.states import JobState
from services.gateway.asked_queues import BrowsesJobs, CountsJobs, ShowsJobs
from services.gateway.decisions import Decided, Edited
from services.gateway.queue_desk import BulkAnswer, DeadQuery, QueueAnswer


class Action(StrEnum):
    """What a person may decide about a job."""

    RETRY = "retry"
    """Run a dead letter again."""
    REMOVE = "remove"
    """Forget a dead letter or a completed job."""
    CANCEL = "cancel"
    """Stop a job that has not ended."""
    PROMOTE = "promote"
    """Run a delayed job now."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a decision: how many jobs it was carried out for, how many were past it, and if there are more."""

    done: int
    passed: int = 0
    more: bool = False


class BrowsedQueue(BrowsesJobs, CountsJobs, ShowsJobs, Protocol):
    """What the pages ask of a queue."""


class DecidesAboutJobs(Protocol):
    """Takes decisions; :class:`services.gateway.decisions.Decisions` does, and keeps ledger and queue in step."""

    def end(self, job_id: str) -> Decided:
        """Cancels a job that has not ended, removes one that has."""
        ...

    def retry(self, job_id: str) -> Decided:
        """Runs a dead letter again."""
        ...

    def retry_with(self, job_id: str, data: Mapping[str, Any]) -> Edited:
        """Runs a dead letter again with another payload."""
        ...

    def promote(self, job_id: str) -> Decided:
        """Runs a delayed job now."""
        ...


class DecidesAboutQueues(Protocol):
    """Acts on whole queues; :class:`services.gateway.queue_desk.QueueDesk` does."""

    def pause(self, name: str, *, paused: bool) -> QueueAnswer:
        """Pauses or resumes a queue."""
        ...

    def retry_dead(self, name: str, which: DeadQuery) -> BulkAnswer:
        """Runs dead letters again."""
        ...

    def remove_dead(self, name: str, which: DeadQuery) -> BulkAnswer:
        """Forgets dead letters."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which jobs of a state.

    Args:
        workspace: only those of this workspace; ``None`` for all.
        job_type: only those of this type; empty for all.
        text: only those whose reason or attempts hold this; empty for all.
    """

    workspace: str | None = None
    job_type: str = ""
    text: str = ""


_CHILD_STATES = (JobState.ACTIVE, JobState.FAILED, JobState.DELAYED, JobState.PRIORITIZED, JobState.WAITING)
_CHILDREN_LOOKED_AT = 20
_PAGE_COST = 50
_ENDED = frozenset({JobState.COMPLETED, JobState.FAILED})


class Jobs:
    """Every queue's jobs. Each method raises :class:`~libs.common.errors.StoreUnavailable` where a store is away.

    Args:
        queues: every queue by its name.
        decisions: carries decisions about single jobs out.
        desk: acts on whole queues.
    """

    def __init__(
        self, queues: Mapping[str, BrowsedQueue], decisions: DecidesAboutJobs, desk: DecidesAboutQueues
    ) -> None:
        self._queues = queues
        self._decisions = decisions
        self._desk = desk

    def queues(self) -> Sequence[str]:
        """The queues' names, sorted."""
        return sorted(self._queues)

    def stats(self, queue: str) -> QueueStats:
        """A queue in numbers."""
        return self._queues[queue].stats()

    def get(self, queue: str, job_id: str) -> JobView | None:
        """A job as its queue knows it, with its log lines."""
        return self._queues[queue].get(job_id)

    def browse(self, queue: str, state: JobState, which: Which, *, cursor: str = "", limit: int = 50) -> JobPage:
        """A page of a queue's jobs in a state.

        Raises:
            InvalidInput: ``cursor`` is none of this queue's.
        """
        return self._queues[queue].browse(
            state, cursor=cursor, limit=limit, job_type=which.job_type, group=which.workspace, text=which.text
        )

    def act(self, action: Action, queue: str, job_ids: Sequence[str]) -> Done:
        """Carries out a decision about these jobs of a queue."""
        done = sum(self._act_on(action, queue, job_id) for job_id in job_ids)
        return Done(done=done, passed=len(job_ids) - done)

    def retry_with(self, job_id: str, data: Mapping[str, Any]) -> Edited:
        """Runs a dead letter again with another payload.

        Raises:
            InvalidInput: the payload is not one of its type, or is another workspace's.
            NotFound: nobody knows the job.
            Conflict: it is no dead letter, or its payload is not a person's to change.
        """
        return self._decisions.retry_with(job_id, data)

    def act_on_all_dead(self, action: Action, queue: str, *, most: int) -> Done:
        """Retries or removes the dead letters of a queue, up to ``most``."""
        act = self._desk.retry_dead if action is Action.RETRY else self._desk.remove_dead
        answer = act(queue, DeadQuery(limit=most))
        return Done(done=answer.done, passed=answer.refused, more=answer.more)

    def pause(self, queue: str, *, paused: bool) -> None:
        """Hands out no more jobs of a queue, or hands them out again."""
        self._desk.pause(queue, paused=paused)

    def dead_letters(
        self, queues: Sequence[str], *, most: int, workspace: str | None = None
    ) -> tuple[list[JobView], bool]:
        """The newest dead letters of these queues, up to ``most`` of each, and whether there are more."""
        found: list[JobView] = []
        more = False
        for queue in queues:
            cursor, left = "", most
            while left > 0:
                page = self.browse(
                    queue, JobState.FAILED, Which(workspace=workspace), cursor=cursor, limit=min(100, left)
                )
                found += page.jobs
                # A page of which few fit costs as much as a full one.
                left -= max(len(page.jobs), 1 if workspace is None else _PAGE_COST)
                if page.cursor is None:
                    break
                cursor = page.cursor
            else:
                more = True
        return found, more

    def children(self, parent_id: str, *, queue: str, workspace: str) -> list[JobView]:
        """Unfinished and dead children of a job, as far as they are among the first of their workspace in each state.

        Those that run and those that died come first; completed children are not kept.
        """
        return [
            view
            for state in _CHILD_STATES
            for view in self.browse(queue, state, Which(workspace=workspace), limit=_CHILDREN_LOOKED_AT).jobs
            if view.parent_id == parent_id
        ]

    def _act_on(self, action: Action, queue: str, job_id: str) -> bool:
        """Whether the decision could be carried out."""
        try:
            match action:
                case Action.RETRY:
                    self._decisions.retry(job_id)
                case Action.PROMOTE:
                    self._decisions.promote(job_id)
                case Action.CANCEL | Action.REMOVE:
                    # Both are one decision; a job that ended since the page was shown is not removed by a cancel.
                    view = self.get(queue, job_id)
                    if (view is not None and view.state in _ENDED) != (action is Action.REMOVE):
                        return False
                    self._decisions.end(job_id)
        except (Conflict, NotFound):
            return False
        return True
