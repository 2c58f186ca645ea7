"""Messages: why one waits, what a person decides about it, how far a campaign is; and stops."""

import msgspec
from bson import ObjectId
from flask import Blueprint, Response, request
from werkzeug.exceptions import Conflict, NotFound

from libs.common.errors import InvalidInput
from libs.common.messages.model import Message
from libs.common.stores.message_desk import Resolution
from libs.common.validation import convert_strictly
from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.bodies import read_object
from services.gateway.message_desk import Messages, StopOrder

_MOST_SHOWN = 1_000


class _Resolve(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    resolution: Resolution
    by: str = "api"


class _ShownMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message without its text and recipient, which the app has."""

    message_id: str
    workspace_id: str
    status: str
    reason: str | None = None
    error: str | None = None
    line_id: str | None = None
    attempts: int = 0
    dispatched_at: object = None
    provider_message_id: str | None = None


def messages_routes(messages: Messages) -> Blueprint:
    """The routes of messages and stops."""
    routes = Blueprint("messages", __name__)

    @routes.get("/messages/<message_id>/explain")
    @needs(Scope.SERVICE)
    def explain(message_id: str) -> Response:
        found = messages.explain(_checked(message_id))
        if found is None:
            raise _no_message(message_id)
        return json_answer(found)

    @routes.get("/messages/uncertain")
    @needs(Scope.SERVICE)
    def uncertain() -> Response:
        found = messages.uncertain(request.args.get("workspaceId"), limit=_MOST_SHOWN)
        return json_answer({"messages": [_shown(message) for message in found]})

    @routes.post("/messages/<message_id>/resolve")
    @needs(Scope.SERVICE)
    def resolve(message_id: str) -> Response:
        order = convert_strictly(read_object(request), _Resolve, path="")
        found = messages.resolve(_checked(message_id), order.resolution, by=order.by)
        return json_answer(_shown(_decided(messages, message_id, found)))

    @routes.post("/messages/<message_id>/cancel")
    @needs(Scope.SERVICE)
    def cancel(message_id: str) -> Response:
        found = messages.cancel(_checked(message_id))
        return json_answer(_shown(_decided(messages, message_id, found)))

    @routes.get("/workspaces/<workspace_id>/campaigns/<campaign_id>")
    @needs(Scope.SERVICE)
    def campaign(workspace_id: str, campaign_id: str) -> Response:
        return json_answer(messages.campaign(workspace_id, campaign_id))

    @routes.get("/stops")
    @needs(Scope.SERVICE)
    def stops() -> Response:
        workspace_id = request.args.get("workspaceId")
        if not workspace_id:
            raise InvalidInput("workspaceId", "is required in the query")
        return json_answer({"stops": messages.stops(workspace_id)})

    @routes.post("/stops")
    @needs(Scope.SERVICE)
    def stop() -> Response:
        return json_answer(messages.stop(_order()), status=201)

    @routes.post("/stops/lift")
    @needs(Scope.SERVICE)
    def lift() -> Response:
        receipt = messages.lift(_order())
        if receipt is None:
            raise NotFound("There is no such stop.")
        return json_answer(receipt)

    return routes


def _order() -> StopOrder:
    return convert_strictly(read_object(request), StopOrder, path="")


def _checked(message_id: str) -> str:
    if not ObjectId.is_valid(message_id):
        raise InvalidInput("messageId", "expected an ObjectId: 24 hex digits")
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


def _shown(message: Message) -> _ShownMessage:
    return _ShownMessage(
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
