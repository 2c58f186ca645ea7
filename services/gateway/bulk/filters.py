"""Which jobs a filter means: read from a request, with its moments fixed, and asked of one job. No I/O."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec

from libs.common.broker.model import JobView
from libs.common.errors import InvalidInput
from libs.common.jobs.bulk_action import Action, JobFilter
from libs.common.jobs.fields import NonEmptyText
from libs.common.jobs.registry import contract_of
from libs.common.jobs.states import JobState
from services.gateway.bulk.moments import Moment, read_moment

STATES: Final[Mapping[Action, tuple[JobState, ...]]] = {
    Action.RETRY: (JobState.FAILED,),
    Action.REMOVE: (JobState.FAILED, JobState.COMPLETED),
    Action.PROMOTE: (JobState.DELAYED,),
    Action.CANCEL: (
        JobState.WAITING,
        JobState.PRIORITIZED,
        JobState.DELAYED,
        JobState.WAITING_CHILDREN,
        JobState.ACTIVE,
    ),
}
"""The states that each action is for."""

_ENDED: Final = frozenset({JobState.FAILED, JobState.COMPLETED})
_IN_LINE: Final = frozenset({JobState.WAITING, JobState.PRIORITIZED})


class JobFilterRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which jobs; each field that is set leaves out what does not fit it. At least one besides ``state`` is set.

    Args:
        queues: of these queues; name them all to mean every job.
        state: in this state; in every state that the action is for where none is named.
        job_type: of this type.
        workspace_id: of this workspace.
        error: whose reason or attempts hold this text, in whatever case.
        error_type: whose last error is of this kind, such as ``Retryable``.
        created_after: made after this moment, such as ``2026-03-01T12:00:00Z`` or ``-2h``, which is fixed when asked.
        created_before: made before it.
        finished_after: ended after this moment.
        finished_before: ended before it.
    """

    queues: Annotated[tuple[NonEmptyText, ...], msgspec.Meta(max_length=50)] = ()
    state: JobState | None = None
    job_type: NonEmptyText | None = None
    workspace_id: NonEmptyText | None = None
    error: Annotated[str, msgspec.Meta(max_length=200)] = ""
    error_type: Annotated[str, msgspec.Meta(max_length=100)] = ""
    created_after: Moment | None = None
    created_before: Moment | None = None
    finished_after: Moment | None = None
    finished_before: Moment | None = None


def read_filter(asked: JobFilterRequest, action: Action, *, queues: Collection[str], now: datetime) -> JobFilter:
    """The filter that a request means.

    Args:
        asked: the filter as it was sent.
        action: what is to be done, which says in which states jobs may be.
        queues: every queue's name.
        now: the moment that relative times count from.

    Raises:
        InvalidInput: it names nothing, a queue or job type that there is not, a state that the action is not for, or a
            moment that cannot be read.
    """
    if msgspec.structs.replace(asked, state=None) == JobFilterRequest():
        raise InvalidInput(
            "filter",
            "is empty and would mean every job; name at least one of: queues, jobType, workspaceId, error, errorType, "
            f"createdAfter, createdBefore, finishedAfter, finishedBefore (to mean all, name all queues: "
            f"{', '.join(sorted(queues))})",
        )
    for place, name in enumerate(asked.queues):
        if name not in queues:
            raise InvalidInput(f"filter.queues[{place}]", f"no such queue; the queues are: {', '.join(sorted(queues))}")
    if asked.job_type is not None:
        contract_of(asked.job_type, field="filter.jobType")
    if asked.state is not None and asked.state not in STATES[action]:
        fitting = ", ".join(STATES[action])
        raise InvalidInput("filter.state", f"{action.value} is for jobs that are {fitting}; got {asked.state.value}")
    moments = {
        name: read_moment(getattr(asked, name), field=f"filter.{written}", now=now)
        for name, written in (
            ("created_after", "createdAfter"),
            ("created_before", "createdBefore"),
            ("finished_after", "finishedAfter"),
            ("finished_before", "finishedBefore"),
        )
    }
    if action in (Action.PROMOTE, Action.CANCEL) and (moments["finished_after"] or moments["finished_before"]):
        raise InvalidInput("filter.finishedAfter", f"jobs to {action.value} have not finished; use createdAfter")
    return JobFilter(
        queues=tuple(dict.fromkeys(asked.queues)),
        state=asked.state,
        job_type=asked.job_type,
        workspace_id=asked.workspace_id,
        error=asked.error,
        error_type=asked.error_type,
        **moments,
    )


def states_of(which: JobFilter, action: Action) -> tuple[JobState, ...]:
    """The states in which the filter looks."""
    return (which.state,) if which.state is not None else STATES[action]


def is_whole_states(which: JobFilter) -> bool:
    """Whether the filter means all jobs of its queues and states, so that counting needs no look at each."""
    return msgspec.structs.replace(which, queues=(), state=None) == JobFilter()


def fits(view: JobView, which: JobFilter, *, state: JobState, as_of: datetime) -> bool:
    """Whether a job that was found in ``state`` is one that the filter means.

    Queue, type, workspace and error text are what the queue was asked for.

    Args:
        view: the job as it is now.
        which: the filter.
        state: the state that it was looked for in.
        as_of: the moment at which the order was made.
    """
    if _in_line(view.state) != _in_line(state):
        return False
    since = view.finished_at if state in _ENDED else view.created_at
    if since is not None and since > as_of:
        return False
    if which.error_type and kind_of(view) != which.error_type:
        return False
    return _within(view.created_at, which.created_after, which.created_before) and _within(
        view.finished_at, which.finished_after, which.finished_before
    )


def kind_of(view: JobView) -> str:
    """The kind of a job's last error: what stands before the colon."""
    said = view.attempts[-1].error if view.attempts else view.reason or ""
    return said.partition(":")[0].strip()


def _in_line(state: JobState) -> JobState:
    """The state without the queue's pause."""
    return JobState.WAITING if state is JobState.PAUSED or state in _IN_LINE else state


def _within(moment: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if after is None and before is None:
        return True
    return moment is not None and (after is None or moment > after) and (before is None or moment < before)
