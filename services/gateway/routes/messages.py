"""Messages: why one waits, what a person decides about it, how far a campaign is; and stops."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from bson import ObjectId
from flask import Response
from werkzeug.exceptions import Conflict, NotFound

from libs.common.errors import InvalidInput
from libs.common.jobs.fields import NonEmptyText
from libs.common.messages.explaining import Explanation
from libs.common.messages.model import Message
from libs.common.messages.stops import Stop
from libs.common.stores.message_desk import Resolution
from services.gateway.answers import json_answer
from services.gateway.auth import Scope, bound_workspace, only_own
from services.gateway.declaring import Routes
from services.gateway.message_desk import CampaignReport, Messages, StopOrder, StopReceipt

_MOST_SHOWN = 1_000


class ResolveOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a person decides about an uncertain message, and who that is."""

    resolution: Resolution
    by: str = "api"


class ShownMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message without its text and recipient, which the app has."""

    message_id: str
    workspace_id: str
    status: str
    reason: str | None = None
    error: str | None = None
    line_id: str | None = None
    attempts: int = 0
    dispatched_at: datetime | None = None
    provider_message_id: str | None = None


class UncertainQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whose messages; every workspace's where none is named."""

    workspace_id: str | None = None


class StopsQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whose stops."""

    workspace_id: NonEmptyText


class MessagesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Messages."""

    messages: Sequence[ShownMessage]


class StopsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The stops in force."""

    stops: Sequence[Stop]


def messages_routes(messages: Messages) -> Routes:
    """The routes of messages and stops."""
    routes = Routes("messages")

    @routes.declare(
        "GET",
        "/messages/<message_id>/explain",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="Where a message is, and why it waits",
        answers={200: Explanation},
        problems=[404, 422],
    )
    def explain(message_id: str) -> Response:
        found = messages.explain(_own(messages, message_id))
        if found is None:
            raise _no_message(message_id)
        return json_answer(found)

    @routes.declare(
        "GET",
        "/messages/uncertain",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="Messages of which nobody knows whether they went out",
        query=UncertainQuery,
        answers={200: MessagesAnswer},
    )
    def uncertain(query: UncertainQuery) -> Response:
        found = messages.uncertain(only_own(query.workspace_id), limit=_MOST_SHOWN)
        return json_answer(MessagesAnswer(messages=[_shown(message) for message in found]))

    @routes.declare(
        "POST",
        "/messages/<message_id>/resolve",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="Decide about an uncertain message",
        body=ResolveOrder,
        answers={200: ShownMessage},
        problems=[404, 409],
    )
    def resolve(message_id: str, body: ResolveOrder) -> Response:
        found = messages.resolve(_own(messages, message_id), body.resolution, by=body.by)
        return json_answer(_shown(_decided(messages, message_id, found)))

    @routes.declare(
        "POST",
        "/messages/<message_id>/cancel",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="Cancel a message that has not gone out",
        answers={200: ShownMessage},
        problems=[404, 409, 422],
    )
    def cancel(message_id: str) -> Response:
        found = messages.cancel(_own(messages, message_id))
        return json_answer(_shown(_decided(messages, message_id, found)))

    @routes.declare(
        "GET",
        "/workspaces/<workspace_id>/campaigns/<campaign_id>",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="How far a campaign is, and when its last message will have gone",
        answers={200: CampaignReport},
        problems=[404, 422],
    )
    def campaign(workspace_id: str, campaign_id: str) -> Response:
        only_own(workspace_id)
        return json_answer(messages.campaign(workspace_id, campaign_id))

    @routes.declare(
        "GET",
        "/stops",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="A workspace's stops",
        query=StopsQuery,
        answers={200: StopsAnswer},
    )
    def stops(query: StopsQuery) -> Response:
        only_own(query.workspace_id)
        return json_answer(StopsAnswer(stops=messages.stops(query.workspace_id)))

    @routes.declare(
        "POST",
        "/stops",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="Send nothing more to a recipient, of a campaign, or from a line or workspace",
        body=StopOrder,
        answers={201: StopReceipt},
        problems=[404, 409],
    )
    def stop(body: StopOrder) -> Response:
        only_own(body.workspace_id)
        return json_answer(messages.stop(body), status=201)

    @routes.declare(
        "POST",
        "/stops/lift",
        scope=Scope.SERVICE,
        for_workspaces=True,
        summary="End a stop",
        body=StopOrder,
        answers={200: StopReceipt},
        problems=[404, 409],
    )
    def lift(body: StopOrder) -> Response:
        only_own(body.workspace_id)
        receipt = messages.lift(body)
        if receipt is None:
            raise NotFound("There is no such stop.")
        return json_answer(receipt)

    return routes


def _own(messages: Messages, message_id: str) -> str:
    """The id of a message that the caller may see.

    Raises:
        InvalidInput: it is no id.
        NotFound: it is of another workspace than the caller's.
    """
    if not ObjectId.is_valid(message_id):
        raise InvalidInput("messageId", "expected an ObjectId: 24 hex digits")
    if bound_workspace() not in (None, messages.workspace_of(message_id)):
        raise _no_message(message_id)
    return message_id


def _no_message(message_id: str) -> NotFound:
    return NotFound(f"There is no message {message_id!r}.")


def _decided(messages: Messages, message_id: str, found: Message | None) -> Message:
    if found is not None:
        return found
    current = messages.explain(message_id)
    if current is None:
        raise _no_message(message_id)
    raise Conflict(f"The message is {current.status.value}, which leaves nothing to decide.")


def _shown(message: Message) -> ShownMessage:
    return ShownMessage(
        message_id=message.message_id,
        workspace_id=message.workspace_id,
        status=message.status.value,
        reason=message.reason,
        error=message.error,
        line_id=message.line_id,
        attempts=message.attempts,
        dispatched_at=message.dispatched_at,
        provider_message_id=message.provider_message_id,
    )
