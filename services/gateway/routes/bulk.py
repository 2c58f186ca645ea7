"""`POST /jobs/actions`: one action on every job that fits a filter."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from flask import Response, request

from libs.common.clock import Clock
from libs.common.jobs.bulk_action import BULK_ACTION, Action, JobFilter
from services.gateway.answers import json_answer
from services.gateway.audit import note
from services.gateway.auth import Scope
from services.gateway.bulk.orders import BulkActionRequest, bulk_order
from services.gateway.bulk.selection import Preview, SelectedQueue, Selection
from services.gateway.declaring import Routes
from services.gateway.orders import order_of_route, read_idempotency_key
from services.gateway.routes.jobs import KEY_HEADER
from services.gateway.submission import Door, Receipt


class DryRunAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an action would be done with.

    Args:
        action: what would be done.
        filter: with which jobs, the moments as they were fixed.
        as_of: the moment of the look.
        found: how many jobs, and some of them.
    """

    action: Action
    filter: JobFilter
    as_of: datetime
    found: Preview


def bulk_routes(door: Door, queues: Mapping[str, SelectedQueue], clock: Clock) -> Routes:
    """The route of actions on many jobs."""
    routes = Routes("bulk")
    selection = Selection(queues)

    @routes.declare(
        "POST",
        "/jobs/actions",
        scope=Scope.ADMIN,
        summary="Retry, remove, promote or cancel all jobs that fit a filter: as a job with progress, or as a dry run",
        body=BulkActionRequest,
        headers=KEY_HEADER,
        answers={200: DryRunAnswer, 202: Receipt},
    )
    def act_on_jobs(body: BulkActionRequest) -> Response:
        key = read_idempotency_key(request.headers.get("Idempotency-Key"))
        order = bulk_order(body, queues=queues.keys(), now=clock.now())
        note(action=order.action.value, filter=msgspec.to_builtins(order.filter), dryRun=body.dry_run)
        if body.dry_run:
            found = selection.preview(order)
            return json_answer(DryRunAnswer(action=order.action, filter=order.filter, as_of=order.as_of, found=found))
        receipt = door.submit(order_of_route(BULK_ACTION, order, body), idempotency_key=key)
        note(jobId=receipt.job_id)
        location = {"Location": f"{request.path.rstrip('/').removesuffix('/actions')}/{receipt.job_id}"}
        return json_answer(receipt, status=202, headers=location)

    return routes
