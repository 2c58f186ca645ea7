"""``message/query``, ``message/:guid`` and ``chat/:guid``.

Read in bluebubbles-server, ``routers/messageRouter.ts`` and ``databases/imessage/index.ts``. What a caller has to know:

- a chat that does not exist is no error: 200, an empty list and no ``metadata``;
- ``after`` and ``before`` include their own millisecond; without ``sort`` the newest come first;
- from macOS 13 on the database has no text for sent messages. With the Private API on, one statement on
  ``message.text`` is answered by the Mac's own search, which finds every message that shares a word; with it off,
  or with two such statements, sent messages are never found by their text.
"""

import re
from collections.abc import Iterable

import msgspec
from aiohttp import web

from libs.simulators.bluebubbles.envelope import not_found, success, unhandled
from libs.simulators.bluebubbles.exchange import LineExchange
from libs.simulators.bluebubbles.line import Line
from libs.simulators.bluebubbles.mailbox import Message
from libs.simulators.bluebubbles.private_api import private_api_fault
from libs.simulators.bluebubbles.serializing import chat_json, message_json
from libs.simulators.bluebubbles.validation import QUERY_MESSAGES, WHERE_ITEM, validate
from libs.simulators.bluebubbles.where import Condition, MessageView, Where, conditions

DEFAULT_LIMIT = 100

_WORD = re.compile(r"\w+")


async def query_messages(exchange: LineExchange) -> web.Response:
    """``POST /message/query``."""
    body = exchange.body
    validate(body, QUERY_MESSAGES)
    where = _where(body.get("where"))
    mailbox = exchange.line.mailbox
    guid = body.get("chatGuid")
    chat = mailbox.chat(guid) if isinstance(guid, str) and guid else None
    if guid and chat is None:
        return success([], message=f"No chat found with GUID: {guid}")
    found = _in_window(mailbox.messages(chat), _integer(body.get("after")), _integer(body.get("before")))
    found = _matching(exchange.line, found, where)
    found.sort(key=lambda message: (message.date_created, message.rowid), reverse=body.get("sort") != "ASC")
    offset = _integer(body.get("offset")) or 0
    limit = _integer(body.get("limit")) or DEFAULT_LIMIT
    page = found[offset : offset + limit]
    extras = _with(body.get("with"))
    with_chats = chat is not None or not extras.isdisjoint({"chat", "chats", "chat.participants", "chats.participants"})
    with_body = not extras.isdisjoint({"attributedbody", "attributed-body"})
    return success(
        [message_json(message, with_chats=with_chats, with_body=with_body) for message in page],
        message="Successfully fetched messages!",
        metadata={"offset": offset, "limit": limit, "total": len(found), "count": len(page)},
    )


async def find_message(exchange: LineExchange) -> web.Response:
    """``GET /message/:guid``."""
    message = exchange.line.mailbox.message(exchange.argument)
    if message is None:
        raise not_found("Message does not exist!")
    extras = _with(exchange.params.get("with"))
    return success(message_json(message, with_chats=not extras.isdisjoint({"chat", "chats"})))


async def find_chat(exchange: LineExchange) -> web.Response:
    """``GET /chat/:guid``."""
    mailbox = exchange.line.mailbox
    chat = mailbox.chat(exchange.argument)
    if chat is None:
        raise not_found("Chat does not exist!")
    extras = _with(exchange.params.get("with"))
    output = chat_json(chat, with_participants=True)
    if "lastmessage" in extras:
        messages = mailbox.messages(chat)
        output["lastMessage"] = message_json(messages[-1]) if messages else None
    return success(output)


def chat_asked_for(exchange: LineExchange) -> str:
    """What a query is about, for the log of calls."""
    guid = exchange.body.get("chatGuid")
    return guid if isinstance(guid, str) else ""


def argument_of_path(exchange: LineExchange) -> str:
    """What a look-up is about, for the log of calls."""
    return exchange.argument


def _where(given: object) -> list[Where]:
    items = given if isinstance(given, list) else []
    for number, item in enumerate(items):
        validate(item if isinstance(item, dict) else {}, WHERE_ITEM, prefix=f"where.{number}.")
    try:
        return msgspec.convert(items, list[Where])
    except msgspec.ValidationError as error:
        raise unhandled(str(error)) from error


def _with(given: object) -> set[str]:
    items = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else []
    return {item.strip().lower() for item in items if isinstance(item, str)}


def _integer(value: object) -> int | None:
    """Digits at the start of a number or a text, as the server reads them; the rules were checked before."""
    return int(float(value)) if isinstance(value, (int, float, str)) and value not in {"", 0} else None


def _in_window(messages: Iterable[Message], after: int | None, before: int | None) -> list[Message]:
    return [
        message
        for message in messages
        if (after is None or message.date_created >= after) and (before is None or message.date_created <= before)
    ]


def _matching(line: Line, messages: list[Message], where: list[Where]) -> list[Message]:
    settings = line.settings
    by_text = [item for item in where if "message.text" in item.statement]
    if settings.is_ventura and settings.private_api and len(by_text) == 1:
        reason = private_api_fault(settings)
        if reason is not None:
            raise unhandled(reason)
        words = _words_searched_for(by_text[0])
        messages = [message for message in messages if words & _words(message.text)]
        where = [item for item in where if item is not by_text[0]]
    wanted: list[Condition] = [condition for item in where for condition in conditions(item)]
    hidden = settings.is_ventura
    return [
        message
        for message in messages
        if all(condition(MessageView(message, text_is_hidden=hidden)) for condition in wanted)
    ]


def _words_searched_for(where: Where) -> set[str]:
    """The words of a text statement, taken from it as the server does: the third word names the argument."""
    parts = where.statement.split(" ")
    name = parts[2].replace(":", "") if len(parts) > 2 else ""
    term = (where.args or {}).get(name)
    if not isinstance(term, str):
        raise unhandled("Cannot read properties of undefined (reading 'replace')")
    return _words(term.strip("%"))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
