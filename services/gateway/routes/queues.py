"""`/queues/{q}`: its jobs page by page, pause and resume, its dead letters."""

from typing import Annotated

import msgspec
from flask import Response

from libs.common.broker.model import JobPage
from libs.common.jobs.states import JobState
from services.gateway.answers import json_answer
from services.gateway.auth import Scope, only_own
from services.gateway.declaring import Routes
from services.gateway.queue_desk import BulkAnswer, DeadQuery, QueueAnswer, QueueDesk


class BrowseQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which jobs.

    Args:
        state: the state that they are in.
        cursor: the cursor of the page before; none for the first page.
        limit: the most to answer.
        job_type: only those of this job type.
        workspace_id: only those of this workspace.
        error: only those whose errors hold this text, in whatever case.
    """

    state: JobState
    cursor: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    job_type: str = ""
    workspace_id: str | None = None
    error: Annotated[str, msgspec.Meta(max_length=200)] = ""


def queues_routes(desk: QueueDesk) -> Routes:
    """The routes of whole queues."""
    routes = Routes("queues")

    @routes.declare(
        "GET",
        "/queues/<queue>/jobs",
        scope=Scope.SERVICE,
        summary="The jobs in one state, page by page; a page may be short and still have a cursor",
        query=BrowseQuery,
        answers={200: JobPage},
        problems=[404],
        for_workspaces=True,
    )
    def browse_jobs(queue: str, query: BrowseQuery) -> Response:
        page = desk.queue(queue).browse(
            query.state,
            cursor=query.cursor,
            limit=query.limit,
            job_type=query.job_type,
            group=only_own(query.workspace_id),
            text=query.error,
        )
        return json_answer(page)

    @routes.declare(
        "POST",
        "/queues/<queue>/pause",
        scope=Scope.ADMIN,
        summary="Hand out no more jobs of the queue; running ones go on",
        answers={200: QueueAnswer},
        problems=[404],
    )
    def pause_queue(queue: str) -> Response:
        return json_answer(desk.pause(queue, paused=True))

    @routes.declare(
        "POST",
        "/queues/<queue>/resume",
        scope=Scope.ADMIN,
        summary="Hand out the queue's jobs again",
        answers={200: QueueAnswer},
        problems=[404],
    )
    def resume_queue(queue: str) -> Response:
        return json_answer(desk.pause(queue, paused=False))

    @routes.declare(
        "POST",
        "/queues/<queue>/dead/retry",
        scope=Scope.ADMIN,
        summary="Run the queue's dead letters again, in bounded batches",
        query=DeadQuery,
        answers={200: BulkAnswer},
        problems=[404],
    )
    def retry_dead(queue: str, query: DeadQuery) -> Response:
        return json_answer(desk.retry_dead(queue, query))

    @routes.declare(
        "DELETE",
        "/queues/<queue>/dead",
        scope=Scope.ADMIN,
        summary="Forget the queue's dead letters, in bounded batches",
        query=DeadQuery,
        answers={200: BulkAnswer},
        problems=[404],
    )
    def remove_dead(queue: str, query: DeadQuery) -> Response:
        return json_answer(desk.remove_dead(queue, query))

    return routes
