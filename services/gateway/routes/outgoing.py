"""`/webhooks`: the app's webhooks, and what was delivered to them."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from flask import Response

from libs.common.errors import InvalidInput
from services.gateway.answers import json_answer
from services.gateway.audit import note
from services.gateway.auth import Scope, bound_workspace
from services.gateway.declaring import Routes
from services.gateway.webhooks.desk import NewWebhook, WebhookChange, WebhookDesk, WebhookOrder
from services.gateway.webhooks.model import Delivery, DeliveryPage, Webhook


class WebhooksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Webhooks, without their secrets."""

    webhooks: Sequence[Webhook]


class DeliveriesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries.

    Args:
        cursor: the cursor of the page before; none for the latest.
        limit: the most to answer.
    """

    cursor: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50


def outgoing_routes(desk: WebhookDesk) -> Routes:
    """The routes of the app's webhooks."""
    routes = Routes("outgoing webhooks", name="outgoing")

    @routes.declare(
        "GET",
        "/webhooks",
        scope=Scope.SERVICE,
        summary="The app's webhooks",
        answers={200: WebhooksAnswer},
        for_workspaces=True,
    )
    def webhooks() -> Response:
        return json_answer(WebhooksAnswer(webhooks=desk.all(bound_workspace())))

    @routes.declare(
        "POST",
        "/webhooks",
        scope=Scope.SERVICE,
        summary="Tell an address of events from now on; the answer holds the secret that signs, this once",
        body=WebhookOrder,
        answers={201: NewWebhook},
        problems=[409],
        for_workspaces=True,
    )
    def make_webhook(body: WebhookOrder) -> Response:
        bound_to = bound_workspace()
        if bound_to is not None and body.workspace_id != bound_to:
            raise InvalidInput("workspaceId", f"this token is for workspace {bound_to!r} only")
        made = desk.make(body)
        note(webhookId=made.webhook_id, url=made.url, workspaceId=made.workspace_id)
        return json_answer(made, status=201)

    @routes.declare(
        "GET",
        "/webhooks/<webhook_id>",
        scope=Scope.SERVICE,
        summary="A webhook",
        answers={200: Webhook},
        problems=[404],
        for_workspaces=True,
    )
    def webhook(webhook_id: str) -> Response:
        return json_answer(desk.get(webhook_id, bound_to=bound_workspace()))

    @routes.declare(
        "PATCH",
        "/webhooks/<webhook_id>",
        scope=Scope.SERVICE,
        summary="Change a webhook, or switch it off and on",
        body=WebhookChange,
        answers={200: Webhook},
        problems=[404],
        for_workspaces=True,
    )
    def change_webhook(webhook_id: str, body: WebhookChange) -> Response:
        changed = desk.change(webhook_id, body, bound_to=bound_workspace())
        note(url=changed.url, status=changed.status.value)
        return json_answer(changed)

    @routes.declare(
        "DELETE",
        "/webhooks/<webhook_id>",
        scope=Scope.SERVICE,
        summary="Tell an address nothing more",
        answers={200: Webhook},
        problems=[404],
        for_workspaces=True,
    )
    def remove_webhook(webhook_id: str) -> Response:
        return json_answer(desk.remove(webhook_id, bound_to=bound_workspace()))

    @routes.declare(
        "POST",
        "/webhooks/<webhook_id>/test",
        scope=Scope.SERVICE,
        summary="Tell a webhook of an event that is none, to see whether it works",
        answers={202: Delivery},
        problems=[404, 409],
        for_workspaces=True,
    )
    def try_webhook(webhook_id: str) -> Response:
        return json_answer(desk.test(webhook_id, bound_to=bound_workspace()), status=202)

    @routes.declare(
        "GET",
        "/webhooks/<webhook_id>/deliveries",
        scope=Scope.SERVICE,
        summary="What was delivered to a webhook, and what it answered, the latest first",
        query=DeliveriesQuery,
        answers={200: DeliveryPage},
        problems=[404],
        for_workspaces=True,
    )
    def webhook_deliveries(webhook_id: str, query: DeliveriesQuery) -> Response:
        page = desk.deliveries(webhook_id, bound_to=bound_workspace(), before=query.cursor, limit=query.limit)
        return json_answer(page)

    return routes
