"""`POST /messages/replay`: messages that failed or were cancelled, and never went out, are queued again."""

from datetime import datetime

import msgspec
from flask import Response, request

from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.jobs.message_replay import MESSAGE_REPLAY, MessageFilter
from libs.common.stores.message_replay import ReplayCount
from services.gateway.answers import json_answer
from services.gateway.audit import note
from services.gateway.auth import Scope, bound_workspace
from services.gateway.declaring import Routes
from services.gateway.orders import order_of_route, read_idempotency_key
from services.gateway.replay.orders import MessageReplayRequest, replay_of
from services.gateway.replay.running import ReplayStore
from services.gateway.routes.jobs import KEY_HEADER
from services.gateway.submission import Door, Receipt

_SAMPLE = 20


class ReplayDryRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What would be queued again.

    Args:
        filter: which messages, the moments as they were fixed.
        as_of: the moment of the look.
        found: how many messages, and some of them.
    """

    filter: MessageFilter
    as_of: datetime
    found: ReplayCount


def replay_routes(door: Door, store: ReplayStore, clock: Clock) -> Routes:
    """The route of replays."""
    routes = Routes("messages", name="replay")

    @routes.declare(
        "POST",
        "/messages/replay",
        scope=Scope.SERVICE,
        summary="Queue messages again that failed or were cancelled and never went out: as a job, or as a dry run",
        body=MessageReplayRequest,
        headers=KEY_HEADER,
        answers={200: ReplayDryRun, 202: Receipt},
        for_workspaces=True,
    )
    def replay(body: MessageReplayRequest) -> Response:
        if bound_workspace() not in (None, body.workspace_id):
            raise InvalidInput("workspaceId", f"this token is for workspace {bound_workspace()!r} only")
        key = read_idempotency_key(request.headers.get("Idempotency-Key"))
        order = replay_of(body, now=clock.now())
        note(workspaceId=order.workspace_id, filter=msgspec.to_builtins(order.filter), dryRun=body.dry_run)
        if body.dry_run:
            found = store.count(order, sample=_SAMPLE)
            return json_answer(ReplayDryRun(filter=order.filter, as_of=order.as_of, found=found))
        receipt = door.submit(order_of_route(MESSAGE_REPLAY, order, body), idempotency_key=key)
        note(jobId=receipt.job_id)
        location = {"Location": f"{request.path.rstrip('/').removesuffix('/messages/replay')}/jobs/{receipt.job_id}"}
        return json_answer(receipt, status=202, headers=location)

    return routes
