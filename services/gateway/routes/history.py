"""`GET /jobs`: the ledger's history."""

from typing import Annotated, Protocol

import msgspec
from flask import Response

from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.jobs.registry import contract_of, queues
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.history import HistoryPage, HistoryQuery
from services.gateway.answers import json_answer
from services.gateway.auth import Scope, only_own
from services.gateway.bulk.moments import Moment, read_moment
from services.gateway.declaring import Routes


class JobsQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which jobs; each parameter that is given leaves out what does not fit it.

    Args:
        status: that ended so, or are unfinished (``accepted``).
        queue: of this queue.
        job_type: of this type.
        workspace_id: of this workspace.
        error: whose error holds this text, in whatever case.
        created_after: accepted after this moment, such as ``2026-03-01T12:00:00Z`` or ``-2h``.
        created_before: accepted before it.
        cursor: the cursor of the page before; none for the latest.
        limit: the most to answer.
    """

    status: LedgerStatus | None = None
    queue: str | None = None
    job_type: str | None = None
    workspace_id: str | None = None
    error: Annotated[str, msgspec.Meta(max_length=200)] = ""
    created_after: Moment = ""
    created_before: Moment = ""
    cursor: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50


class History(Protocol):
    """Remembers jobs; :class:`libs.common.ledger.history.MongoHistory` does."""

    def page(self, asked: HistoryQuery, *, cursor: str, limit: int) -> HistoryPage:
        """A page of jobs, the latest first."""
        ...


def history_routes(history: History, clock: Clock) -> Routes:
    """The route of the ledger's history."""
    routes = Routes("jobs", name="history")

    @routes.declare(
        "GET",
        "/jobs",
        scope=Scope.SERVICE,
        summary="Jobs that came from outside, the latest first: by outcome, type, workspace, time and error",
        query=JobsQuery,
        answers={200: HistoryPage},
        for_workspaces=True,
    )
    def job_history(query: JobsQuery) -> Response:
        asked = _read(query, clock=clock)
        return json_answer(history.page(asked, cursor=query.cursor, limit=query.limit))

    return routes


def _read(query: JobsQuery, *, clock: Clock) -> HistoryQuery:
    workspace_id = only_own(query.workspace_id)
    if query.queue is not None and query.queue not in queues():
        raise InvalidInput("queue", f"no such queue; the queues are: {', '.join(queues())}")
    if query.job_type is not None:
        contract_of(query.job_type)
    now = clock.now()
    return HistoryQuery(
        status=query.status,
        queue=query.queue,
        job_type=query.job_type,
        workspace_id=workspace_id,
        error=query.error,
        created_after=read_moment(query.created_after, field="createdAfter", now=now),
        created_before=read_moment(query.created_before, field="createdBefore", now=now),
    )
