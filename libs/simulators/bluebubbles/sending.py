"""``message/text`` and ``chat/new``: the two calls that let a message go out.

Read in bluebubbles-server, ``validators/messageValidator.ts``, ``routers/messageRouter.ts``,
``interfaces/chatInterface.ts``, and in bluebubbles-helper. What a caller has to know:

- a ``tempGuid`` is refused while a ``message/text`` with the same one is under way, and forgotten when that has ended;
  ``chat/new`` neither checks it nor remembers it;
- with the Private API, ``message/text`` needs a chat that exists already, and ``chat/new`` starts one or uses it;
- a recipient that iMessage refuses is a 500 with the message in ``data`` for ``message/text``. ``chat/new`` with the
  Private API answers 200 with that ``error`` in ``data.messages[0]``, for its route never looks at it; that iMessage's
  refusal is known by then is not confirmed. Either may also come later, as an event only (fault ``refused_later``);
- the refused message stays in the database, with its ``error``.
"""

import asyncio

import msgspec
from aiohttp import web

from libs.simulators.bluebubbles.addresses import address_of_chat, normalized
from libs.simulators.bluebubbles.envelope import Refusal, bad_request, imessage_error, success, unhandled
from libs.simulators.bluebubbles.exchange import LineExchange
from libs.simulators.bluebubbles.faults import ServerFault
from libs.simulators.bluebubbles.hooks import Announcer
from libs.simulators.bluebubbles.line import Line
from libs.simulators.bluebubbles.mailbox import NOT_ON_IMESSAGE, Chat, Message
from libs.simulators.bluebubbles.private_api import private_api_fault
from libs.simulators.bluebubbles.serializing import chat_json, message_json
from libs.simulators.bluebubbles.validation import NEW_CHAT, SEND_TEXT, validate
from libs.simulators.deliveries import DeliveryLog
from libs.simulators.faults import NetworkFault
from libs.simulators.reachability import AvailabilityRule, Reachability

APPLE_SCRIPT = "apple-script"
PRIVATE_API = "private-api"

_SEND_ERROR = "Message Send Error"
_NEVER_SEEN = "Failed to send message! Message not found in database after 60 seconds!"


class _Send(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, once the rules are checked."""

    method: str
    text: str
    temp_guid: str


class SendingRoutes:
    """Lets messages go out, or not.

    Args:
        rule: who can be reached by iMessage; others are refused.
        deliveries: where it is counted what went out.
        announcer: who posts the events.
    """

    def __init__(self, *, rule: AvailabilityRule, deliveries: DeliveryLog, announcer: Announcer) -> None:
        self._rule = rule
        self._deliveries = deliveries
        self._announcer = announcer

    async def send_text(self, exchange: LineExchange) -> web.Response:
        """``POST /message/text``."""
        send = _checked_text(exchange.body)
        in_flight = exchange.line.in_flight
        if send.temp_guid in in_flight:
            raise bad_request(f"Message is already queued to be sent! (Temp GUID: {send.temp_guid})")
        if send.temp_guid:
            in_flight.add(send.temp_guid)
        try:
            message = await self._send(exchange, _chat_of_text(exchange, send), send)
        finally:
            in_flight.discard(send.temp_guid)
        if message.error:
            raise _refused_text(message, send)
        data = message_json(message, with_body=True, temp_guid=send.temp_guid)
        return success(data, message="Message sent!")

    async def new_chat(self, exchange: LineExchange) -> web.Response:
        """``POST /chat/new``."""
        body = exchange.body
        validate(body, NEW_CHAT)
        send = _checked_new_chat(body)
        if send.method == PRIVATE_API:
            reason = private_api_fault(exchange.line.settings)
            if reason is not None:
                raise unhandled(reason)
        chat = exchange.line.mailbox.open_chat(recipient_of_new_chat(exchange), str(body.get("service") or "iMessage"))
        message = await self._send(exchange, chat, send)
        if message.error and send.method == APPLE_SCRIPT:
            raise unhandled("message-send-error")
        data = chat_json(chat, with_participants=True, messages=[message])
        if send.temp_guid:
            data["messages"] = [message_json(message, with_chats=None, temp_guid=send.temp_guid)]
        return success(data, message="Successfully created chat!")

    async def _send(self, exchange: LineExchange, chat: Chat, send: _Send) -> Message:
        """Hand a message to iMessage, with whatever fault the call has met."""
        line, fault = exchange.line, exchange.fault
        name, seconds = (fault.fault, fault.seconds) if fault else ("", 0.0)
        await asyncio.sleep(line.settings.send_ms / 1000 + (seconds if name == NetworkFault.SLOW else 0.0))
        if name == NetworkFault.HANG:
            await asyncio.Event().wait()  # until the server is closed
        if line.settings.imessage_account is None:
            raise imessage_error(_SEND_ERROR, "Failed to send message!")
        if name == ServerFault.ERROR_UNDELIVERED:
            raise imessage_error(_SEND_ERROR, _NEVER_SEEN)
        if name == ServerFault.REFUSED or not self._is_reachable(chat):
            return self._refuse(line, chat, send)
        message = self._deliver(line, chat, send, fails_later=name == ServerFault.REFUSED_LATER)
        if name == ServerFault.HANG_AFTER_DELIVERY:
            await asyncio.Event().wait()
        if name == NetworkFault.SLOW_ANSWER:
            await asyncio.sleep(seconds)
        if name == ServerFault.ERROR_DELIVERED:
            raise imessage_error(_SEND_ERROR, _NEVER_SEEN)
        return message

    def _is_reachable(self, chat: Chat) -> bool:
        return chat.service != "iMessage" or self._rule.of(chat.address) is not Reachability.UNAVAILABLE

    def _deliver(self, line: Line, chat: Chat, send: _Send, *, fails_later: bool) -> Message:
        message = line.mailbox.add(chat, send.text, is_from_me=True, temp_guid=send.temp_guid)
        self._announcer.sent(line, message)
        after_s = line.settings.delivery_ms / 1000
        loop = asyncio.get_running_loop()
        if fails_later:
            loop.call_later(after_s, self._fail, line, message)
            return message
        self._deliveries.add(
            target=line.name, to=chat.address, text=send.text, reference=send.temp_guid, message_id=message.guid
        )
        loop.call_later(after_s, self._arrive, line, message)
        return message

    def _refuse(self, line: Line, chat: Chat, send: _Send) -> Message:
        message = line.mailbox.add(chat, send.text, is_from_me=True, temp_guid=send.temp_guid)
        self._fail(line, message)
        return message

    def _fail(self, line: Line, message: Message) -> None:
        message.error = NOT_ON_IMESSAGE
        self._announcer.failed(line, message)

    def _arrive(self, line: Line, message: Message) -> None:
        message.date_delivered = message.date_created + round(line.settings.delivery_ms)
        self._announcer.updated(line, message)


def recipient_of_text(exchange: LineExchange) -> str:
    """Whom a ``message/text`` is for, for the log of calls."""
    guid = exchange.body.get("chatGuid")
    return address_of_chat(guid) if isinstance(guid, str) else ""


def recipient_of_new_chat(exchange: LineExchange) -> str:
    """Whom a ``chat/new`` is for, for the log of calls."""
    addresses = exchange.body.get("addresses")
    return normalized(str(addresses[0])) if isinstance(addresses, list) and addresses else ""


def temp_guid_of(exchange: LineExchange) -> str:
    """The caller's reference, for the log of calls."""
    return _text(exchange.body, "tempGuid")


def _text(body: dict[str, object], field: str) -> str:
    value = body.get(field)
    return value if isinstance(value, str) else ""


def _checked_text(body: dict[str, object]) -> _Send:
    validate(body, SEND_TEXT)
    implied = any(
        body.get(field) for field in ("effectId", "subject", "selectedMessageGuid", "ddScan", "attributedBody")
    )
    method = PRIVATE_API if implied else _text(body, "method") or APPLE_SCRIPT
    send = _Send(method=method, text=_text(body, "message"), temp_guid=_text(body, "tempGuid"))
    if method == APPLE_SCRIPT and not send.temp_guid.strip():
        raise bad_request("A 'tempGuid' is required when sending via AppleScript")
    if method == APPLE_SCRIPT and not send.text.strip():
        raise bad_request("A 'message' is required when sending via AppleScript")
    if method == PRIVATE_API and not (send.text.strip() or _text(body, "subject").strip()):
        raise bad_request("A 'message' or 'subject' is required when sending via the Private API")
    return send


def _chat_of_text(exchange: LineExchange, send: _Send) -> Chat:
    """The chat that a text goes to; AppleScript starts one where there is none.

    Raises:
        Refusal: 500, where the Private API cannot be used or does not know the chat.
    """
    guid = _text(exchange.body, "chatGuid")
    line = exchange.line
    if send.method == APPLE_SCRIPT:
        return line.mailbox.open_chat(address_of_chat(guid), guid.partition(";")[0] or "iMessage")
    reason = private_api_fault(line.settings)
    if reason is not None:
        raise imessage_error(_SEND_ERROR, reason)
    chat = line.mailbox.chat(guid)
    if chat is None:
        raise imessage_error(_SEND_ERROR, "Chat does not exist in IMChatRegistry!")
    return chat


def _checked_new_chat(body: dict[str, object]) -> _Send:
    addresses = body["addresses"]
    count = len(addresses) if isinstance(addresses, list) else 0
    send = _Send(
        method=_text(body, "method") or APPLE_SCRIPT, text=_text(body, "message"), temp_guid=_text(body, "tempGuid")
    )
    if send.method == APPLE_SCRIPT and count > 1:
        raise unhandled("Cannot create group chats on macOS Big Sur or newer!")
    if send.method == APPLE_SCRIPT and not send.text.strip():
        raise unhandled("A message is required when creating chats on macOS Big Sur or newer!")
    if not send.text.strip():
        raise unhandled("A message is required when creating chats with the Private API!")
    if count > 1:
        raise unhandled("Group chats are not simulated.")
    return send


def _refused_text(message: Message, send: _Send) -> Refusal:
    if send.method == PRIVATE_API:
        data = message_json(message, with_body=True, temp_guid=send.temp_guid)
        return imessage_error("Message sent with an error. See attached message", "Message failed to send!", data)
    return imessage_error(
        _SEND_ERROR, "Failed to send message! See attached message error code.", message_json(message)
    )
