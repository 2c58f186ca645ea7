"""Integrations: the CRMs that bring a workspace's leads, and the runs that bring them."""

from typing import Annotated

import msgspec
from flask import Response, request

from libs.common.errors import InvalidInput
from libs.common.integration_check import CheckAnswer
from libs.common.integrations.model import IntegrationStatus
from libs.common.jobs.integration_sync import SyncMode
from services.gateway.answers import json_answer
from services.gateway.auth import Scope, bound_workspace
from services.gateway.decisions import Decided
from services.gateway.declaring import Routes
from services.gateway.integration_desk import IntegrationOrder, IntegrationPatch, Integrations, Removed
from services.gateway.integration_views import (
    IntegrationsAnswer,
    RunAnswer,
    RunErrorsAnswer,
    RunsAnswer,
    ShownIntegration,
)
from services.gateway.orders import read_idempotency_key, sync_order
from services.gateway.routes.jobs import KEY_HEADER
from services.gateway.submission import Door, Receipt
from services.gateway.sync_run_desk import SyncRuns

PageSize = Annotated[int, msgspec.Meta(ge=1, le=100)]


class IntegrationsQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which integrations.

    Args:
        workspace_id: only this workspace's.
        status: only those that are so.
        cursor: the cursor of the page before; none for the first.
        limit: the most to answer.
    """

    workspace_id: str | None = None
    status: IntegrationStatus | None = None
    cursor: str = ""
    limit: PageSize = 50


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs.

    Args:
        cursor: the cursor of the page before; none for the latest.
        limit: the most to answer.
    """

    cursor: str = ""
    limit: PageSize = 20


class RunErrorsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which errors.

    Args:
        cursor: the cursor of the page before; none for the first.
        limit: the most to answer.
    """

    cursor: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100


class RunOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A run to begin.

    Args:
        mode: ``incremental``: what changed since the last completed run, or everything where there was none; ``full``:
            everything; ``dryRun``: everything, and no lead is written: counts and samples of what ``full`` would do.
    """

    mode: SyncMode = SyncMode.INCREMENTAL


def integrations_routes(integrations: Integrations, runs: SyncRuns, door: Door) -> Routes:
    """The routes of integrations, and of an integration's runs."""
    routes = Routes("integrations")

    @routes.declare(
        "GET",
        "/integrations",
        scope=Scope.SERVICE,
        summary="The connected CRMs, with their schedule and latest run",
        query=IntegrationsQuery,
        answers={200: IntegrationsAnswer},
        for_workspaces=True,
    )
    def list_integrations(query: IntegrationsQuery) -> Response:
        bound_to = bound_workspace()
        if bound_to is not None and query.workspace_id not in (None, bound_to):
            raise InvalidInput("workspaceId", f"this token is for workspace {bound_to!r} only")
        workspace_id = bound_to or query.workspace_id
        return json_answer(integrations.page(workspace_id, status=query.status, cursor=query.cursor, limit=query.limit))

    @routes.declare(
        "POST",
        "/integrations",
        scope=Scope.SERVICE,
        summary="Connect a CRM; its credentials are kept encrypted and never shown",
        body=IntegrationOrder,
        answers={201: ShownIntegration},
        for_workspaces=True,
    )
    def add_integration(body: IntegrationOrder) -> Response:
        added = integrations.add(body, bound_to=bound_workspace())
        return json_answer(
            added, status=201, headers={"Location": f"{request.path.rstrip('/')}/{added.integration_id}"}
        )

    @routes.declare(
        "GET",
        "/integrations/<integration_id>",
        scope=Scope.SERVICE,
        summary="A connected CRM, without its credentials",
        answers={200: ShownIntegration},
        problems=[404],
        for_workspaces=True,
    )
    def show_integration(integration_id: str) -> Response:
        return json_answer(integrations.one(integration_id, bound_to=bound_workspace()))

    @routes.declare(
        "PATCH",
        "/integrations/<integration_id>",
        scope=Scope.SERVICE,
        summary="Change name, credentials, field map or settings; what is left out stays",
        body=IntegrationPatch,
        answers={200: ShownIntegration},
        problems=[404],
        for_workspaces=True,
    )
    def change_integration(integration_id: str, body: IntegrationPatch) -> Response:
        return json_answer(integrations.change(integration_id, body, bound_to=bound_workspace()))

    @routes.declare(
        "DELETE",
        "/integrations/<integration_id>",
        scope=Scope.SERVICE,
        summary="Take a CRM away, with its credentials and its schedule; its leads stay",
        answers={200: Removed},
        problems=[404],
        for_workspaces=True,
    )
    def remove_integration(integration_id: str) -> Response:
        return json_answer(integrations.remove(integration_id, bound_to=bound_workspace()))

    @routes.declare(
        "POST",
        "/integrations/<integration_id>/check",
        scope=Scope.SERVICE,
        summary="Ask the CRM now whether it lets us in, and which fields it has",
        answers={200: CheckAnswer},
        problems=[404],
        for_workspaces=True,
    )
    def check_integration(integration_id: str) -> Response:
        return json_answer(integrations.check(integration_id, bound_to=bound_workspace()))

    @routes.declare(
        "POST",
        "/integrations/<integration_id>/runs",
        scope=Scope.SERVICE,
        summary="Sync now; while a run of the integration is unfinished, the answer is that one's job",
        body=RunOrder,
        headers=KEY_HEADER,
        answers={200: Receipt, 202: Receipt},
        problems=[404],
        audited=False,
        for_workspaces=True,
    )
    def begin_run(integration_id: str, body: RunOrder) -> Response:
        found = integrations.one(integration_id, bound_to=bound_workspace())
        order = sync_order(found.integration_id, found.workspace_id, body.mode)
        key = read_idempotency_key(request.headers.get("Idempotency-Key"))
        receipt = door.submit(order, idempotency_key=key)
        return json_answer(receipt, status=200 if receipt.ended else 202)

    @routes.declare(
        "GET",
        "/integrations/<integration_id>/runs",
        scope=Scope.SERVICE,
        summary="An integration's runs, the latest first",
        query=RunsQuery,
        answers={200: RunsAnswer},
        problems=[404],
        for_workspaces=True,
    )
    def list_runs(integration_id: str, query: RunsQuery) -> Response:
        return json_answer(
            runs.of_integration(integration_id, bound_to=bound_workspace(), cursor=query.cursor, limit=query.limit)
        )

    return routes


def sync_runs_routes(runs: SyncRuns) -> Routes:
    """The routes of single runs."""
    routes = Routes("sync-runs")

    @routes.declare(
        "GET",
        "/sync-runs/<run_id>",
        scope=Scope.SERVICE,
        summary="A run: counts so far, what was refused by reason, a dry run's samples",
        answers={200: RunAnswer},
        problems=[404],
        for_workspaces=True,
    )
    def show_run(run_id: str) -> Response:
        return json_answer(runs.one(run_id, bound_to=bound_workspace()))

    @routes.declare(
        "GET",
        "/sync-runs/<run_id>/errors",
        scope=Scope.SERVICE,
        summary="The refused rows and fields of a run",
        query=RunErrorsQuery,
        answers={200: RunErrorsAnswer},
        problems=[404],
        for_workspaces=True,
    )
    def list_run_errors(run_id: str, query: RunErrorsQuery) -> Response:
        found = runs.errors(run_id, bound_to=bound_workspace(), cursor=query.cursor, limit=query.limit)
        return json_answer(found)

    @routes.declare(
        "POST",
        "/sync-runs/<run_id>/cancel",
        scope=Scope.SERVICE,
        summary="Cancel a run (202 where it is being worked on, and ends at its next page); what it wrote stays",
        answers={200: Decided, 202: Decided},
        problems=[404, 409],
        for_workspaces=True,
    )
    def cancel_run(run_id: str) -> Response:
        decided = runs.cancel(run_id, bound_to=bound_workspace())
        return json_answer(decided, status=202 if decided.status == "cancelling" else 200)

    return routes
