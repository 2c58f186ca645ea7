"""Webhooks: registering them, and the events that are posted to them.

Read in bluebubbles-server, ``routers/webhookRouter.ts``, ``services/webhookService`` and ``index.ts``: a plain POST of
``{"type", "data"}``, unsigned, tried once. A sent message is announced twice when the caller gave a ``tempGuid``: once
with it, as soon as the server recognises its own send, and once more without it as any new message is.
"""

import datetime as dt

import msgspec
from aiohttp import web

from libs.simulators.bluebubbles.envelope import bad_request, not_found, success, unhandled
from libs.simulators.bluebubbles.exchange import LineExchange
from libs.simulators.bluebubbles.line import Line, Webhook
from libs.simulators.bluebubbles.mailbox import Message
from libs.simulators.bluebubbles.serializing import message_json
from libs.simulators.bluebubbles.validation import NEW_WEBHOOK, validate
from libs.simulators.webhooks import Courier

NEW_MESSAGE = "new-message"
UPDATED_MESSAGE = "updated-message"
SEND_ERROR = "message-send-error"

EVENTS = (
    "*",
    NEW_MESSAGE,
    UPDATED_MESSAGE,
    SEND_ERROR,
    "group-name-change",
    "group-icon-changed",
    "group-icon-removed",
    "participant-removed",
    "participant-added",
    "participant-left",
    "chat-read-status-changed",
    "typing-indicator",
    "scheduled-message-error",
    "server-update",
    "new-server",
    "new-findmy-location",
    "hello-world",
    "incoming-facetime",
    "ft-call-status-changed",
    "imessage-alias-removed",
    "theme-backup-created",
    "theme-backup-updated",
    "theme-backup-deleted",
    "settings-backup-created",
    "settings-backup-updated",
    "settings-backup-deleted",
)


class Announcer:
    """Posts a line's events to its webhooks.

    Args:
        courier: who posts.
    """

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def sent(self, line: Line, message: Message) -> None:
        """A message was sent."""
        if message.temp_guid:
            self._announce(line, NEW_MESSAGE, message_json(message, temp_guid=message.temp_guid, for_notification=True))
        self.arrived(line, message)

    def arrived(self, line: Line, message: Message) -> None:
        """A message is new in the database: sent or received."""
        data = message_json(message, for_notification=True, with_participants=True)
        self._announce(line, NEW_MESSAGE, data)

    def updated(self, line: Line, message: Message) -> None:
        """A message was delivered."""
        self._announce(line, UPDATED_MESSAGE, message_json(message, with_chats=None, for_notification=True))

    def failed(self, line: Line, message: Message) -> None:
        """A message could not be sent."""
        data = message_json(message, temp_guid=message.temp_guid, for_notification=True)
        self._announce(line, SEND_ERROR, data)

    def _announce(self, line: Line, event: str, data: dict[str, object]) -> None:
        if not line.settings.deliver_webhooks:
            return
        for webhook in line.webhooks:
            if event in webhook.events or "*" in webhook.events:
                body = msgspec.json.encode({"type": event, "data": data})
                self._courier.send(target=line.name, url=webhook.url, event=event, body=body)


async def create_webhook(exchange: LineExchange) -> web.Response:
    """``POST /webhook``. A URL that is known keeps its events and its id."""
    body = exchange.body
    validate(body, NEW_WEBHOOK)
    url, events = str(body["url"]), body["events"]
    if not url.startswith("http"):
        raise bad_request("Webhook URL must include an HTTP scheme!")
    for event in events if isinstance(events, list) else []:
        if not isinstance(event, str):
            raise bad_request("Webhook events must be strings!")
        if event not in EVENTS:
            raise bad_request(f"Invalid webhook event: {event}! Webhook must be one of: {','.join(EVENTS)}")
    line = exchange.line
    webhook = next((known for known in line.webhooks if known.url == url), None)
    if webhook is None:
        line.last_webhook_id += 1
        created = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        webhook = Webhook(url, msgspec.convert(events, list[str]), line.last_webhook_id, created)
        line.webhooks = [*line.webhooks, webhook]
    return success(webhook, message="Successfully created webhook!")


async def list_webhooks(exchange: LineExchange) -> web.Response:
    """``GET /webhook``, all or those with ``id`` or ``url``; asking for one that is not there is an error 500."""
    webhooks: list[Webhook] = exchange.line.webhooks
    wanted_id, wanted_url = exchange.params.get("id"), exchange.params.get("url")
    if wanted_id:
        webhooks = [webhook for webhook in webhooks if str(webhook.id) == wanted_id]
    elif wanted_url:
        webhooks = [webhook for webhook in webhooks if webhook.url == wanted_url]
    if (wanted_id or wanted_url) and not webhooks:
        raise unhandled("Cannot read properties of null (reading 'events')")
    return success(webhooks, message="Successfully fetched webhooks!")


async def delete_webhook(exchange: LineExchange) -> web.Response:
    """``DELETE /webhook/:id``."""
    line = exchange.line
    remaining = [webhook for webhook in line.webhooks if str(webhook.id) != exchange.argument]
    if len(remaining) == len(line.webhooks):
        raise not_found("Webhook does not exist!")
    line.webhooks = remaining
    return success(message="Successfully deleted webhook!")
