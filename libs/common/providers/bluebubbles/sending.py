"""Sending by BlueBubbles, and finding what was sent.

Read in BlueBubblesApp/bluebubbles-server, ``packages/server/src/server``:

- ``message/text`` needs a chat that exists; ``chat/new`` starts one and sends its first message. With the Private API
  a refused first message is a 200 with its ``error`` in ``data.messages[0]`` (``api/http/api/v1/routers``).
- A send waits up to two minutes for the Private API (``managers/transactionManager/transactionPromise.ts``) and then
  up to one for the message to appear in the database (``api/interfaces/messageInterface.ts``), so a 500 without the
  message in it leaves open whether it went out.
- The ``tempGuid`` is known only while the send is under way; afterwards a message can be found by its chat, its time
  and its text. Chats are ``iMessage;-;<address>``, on macOS 26 ``any;-;<address>`` (bluebubbles-server, issue 777),
  and sometimes without the country's code (``managers/outgoingMessageManager/messagePromise.ts``).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from libs.common.clock import from_ms, to_ms
from libs.common.providers.bluebubbles.client import BlueBubblesClient, fault_of, read_refusal
from libs.common.providers.errors import read_retry_after, reason_of_loss
from libs.common.providers.sending import (
    CannotAsk,
    Outgoing,
    Refused,
    SearchAnswer,
    Seen,
    SendAnswer,
    Sent,
    Sighting,
    Unknown,
)
from libs.common.providers.texts import same_text
from libs.common.providers.transport import Loss, NoReply, Reply

SETTLES_WITHIN: Final = timedelta(minutes=4)
"""Two minutes for the Private API, one for the database, and as long again as the slowest part may be late."""

NOT_ON_IMESSAGE: Final = 22
"""A message's ``error`` where its recipient is not on iMessage; known from users' reports, not from the source."""

_PAGE: Final = 500
_MOST_PAGES: Final = 8
_ALREADY_QUEUED: Final = "already queued"
_NO_CHAT: Final = "chat does not exist"
_NEVER_BEGAN: Final = ("private api is not enabled", "private api helper is not connected")
"""``checkPrivateApiStatus`` (``helpers/utils.ts``), which comes before anything is sent."""


class _Handle(msgspec.Struct, frozen=True):
    address: str | None = None


class _Chat(msgspec.Struct, frozen=True):
    guid: str | None = None
    chat_identifier: str | None = msgspec.field(default=None, name="chatIdentifier")


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    guid: str
    text: str | None = None
    error: int | None = 0
    is_from_me: bool = False
    date_created: float | None = None
    handle: _Handle | None = None
    chats: Sequence[_Chat] | None = None
    attachments: Sequence[msgspec.Raw] | None = None


class _NewChat(msgspec.Struct, frozen=True):
    messages: Sequence[_Message] | None = None


class _TextAnswer(msgspec.Struct, frozen=True):
    data: _Message


class _NewChatAnswer(msgspec.Struct, frozen=True):
    data: _NewChat


class _Failure(msgspec.Struct, frozen=True):
    data: _Message | None = None


class _QueryAnswer(msgspec.Struct, frozen=True):
    data: Sequence[_Message]


class BlueBubblesSender:
    """Sends through one BlueBubbles server.

    Args:
        client: the server.
        settles_within: how long after a call began it may still have an effect.
        method: ``private-api`` or ``apple-script``.
    """

    def __init__(
        self, client: BlueBubblesClient, *, settles_within: timedelta = SETTLES_WITHIN, method: str = "private-api"
    ) -> None:
        self._client = client
        self._settles_within = settles_within
        self._method = method

    @property
    def settles_within(self) -> timedelta:
        """See :class:`~libs.common.providers.sending.MessageSender`."""
        return self._settles_within

    async def send(self, message: Outgoing) -> SendAnswer:
        """See :class:`~libs.common.providers.sending.MessageSender`."""
        if message.starts_conversation:
            return await self._call("/chat/new", self._as_new_chat(message))
        answer = await self._call("/message/text", self._as_text(message))
        if isinstance(answer, Refused) and _NO_CHAT in answer.reason.lower():
            # The Mac has forgotten the chat; it certainly sent nothing, so this is the first call with an effect.
            return await self._call("/chat/new", self._as_new_chat(message))
        return answer

    async def find(self, message: Outgoing, *, since: datetime, until: datetime) -> SearchAnswer:
        """See :class:`~libs.common.providers.sending.MessageSender`.

        First what the recipient's chat has; where that is nothing, what the whole line has, because the chat may go by
        another name.
        """
        window = {"after": to_ms(since), "before": to_ms(until)}
        for chat in ({"chatGuid": _chat_guid(message.to)}, {}):
            found = await self._search(message, {**chat, **window}, in_its_chat=bool(chat))
            if isinstance(found, CannotAsk) or found.sightings:
                return found
        return found

    async def _call(self, path: str, body: dict[str, object]) -> SendAnswer:
        try:
            reply = await self._client.post(path, body)
        except NoReply as lost:
            reason = reason_of_loss(lost.loss)
            return Refused(reason=reason, line_fault=True) if lost.loss is Loss.REFUSED else Unknown(reason=reason)
        return _read_success(path, reply) if reply.status == 200 else _read_failure(reply)

    async def _search(self, message: Outgoing, question: dict[str, object], *, in_its_chat: bool) -> Seen | CannotAsk:
        sightings: list[Sighting] = []
        unclear = False
        for page in range(_MOST_PAGES):
            wanted = {"with": ["chats"], "sort": "ASC", "limit": _PAGE, "offset": page * _PAGE, **question}
            try:
                reply = await self._client.post("/message/query", wanted)
            except NoReply as lost:
                return CannotAsk(reason=reason_of_loss(lost.loss))
            if reply.status != 200:
                return CannotAsk(reason=fault_of(reply, now=datetime.now(UTC)).reason)
            try:
                found = _QUERY.decode(reply.body).data
            except msgspec.DecodeError:
                return CannotAsk(reason="not_understood")
            for candidate in found:
                verdict = _is_it(candidate, message, in_its_chat=in_its_chat)
                if verdict and candidate.date_created is not None:
                    at = from_ms(candidate.date_created)
                    sightings.append(Sighting(provider_message_id=candidate.guid, at=at))
                else:
                    unclear = unclear or verdict is not False
            if len(found) < _PAGE:
                return Seen(sightings=tuple(sightings), unclear=unclear)
        return Seen(sightings=tuple(sightings), unclear=True)

    def _as_text(self, message: Outgoing) -> dict[str, object]:
        return {
            "chatGuid": _chat_guid(message.to),
            "message": message.text,
            "tempGuid": message.reference,
            "method": self._method,
        }

    def _as_new_chat(self, message: Outgoing) -> dict[str, object]:
        return {
            "addresses": [message.to],
            "message": message.text,
            "tempGuid": message.reference,
            "method": self._method,
            "service": "iMessage",
        }


_TEXT = msgspec.json.Decoder(_TextAnswer)
_NEW_CHAT = msgspec.json.Decoder(_NewChatAnswer)
_FAILURE = msgspec.json.Decoder(_Failure)
_QUERY = msgspec.json.Decoder(_QueryAnswer)


def _chat_guid(handle: str) -> str:
    return f"iMessage;-;{handle}"


def _read_success(path: str, reply: Reply) -> SendAnswer:
    try:
        if path == "/message/text":
            return _judge(_TEXT.decode(reply.body).data)
        messages = _NEW_CHAT.decode(reply.body).data.messages
    except msgspec.DecodeError:
        return Unknown(reason="the answer is not BlueBubbles' own")
    return _judge(messages[0]) if messages else Unknown(reason="the answer holds no message")


def _judge(message: _Message) -> SendAnswer:
    if not message.error:
        return Sent(provider_message_id=message.guid)
    return Refused(reason=f"iMessage error {message.error}", lasting=message.error == NOT_ON_IMESSAGE)


def _read_failure(reply: Reply) -> SendAnswer:
    refusal = read_refusal(reply)
    words = f"{refusal.message} {refusal.error.message}".lower() if refusal else ""
    reason = f"{reply.status} {refusal.error.message}" if refusal else f"{reply.status}"
    if reply.status == 429:
        pause = read_retry_after(reply.retry_after, now=datetime.now(UTC))
        return Refused(reason=reason, busy=True, retry_after=pause)
    if reply.status in (401, 403, 404):
        return Refused(reason=reason, line_fault=True)
    if refusal is None:
        return Unknown(reason=f"{reason} from a proxy")
    if reply.status == 400:
        return Unknown(reason=reason) if _ALREADY_QUEUED in words else Refused(reason=reason, lasting=True)
    if any(text in words for text in _NEVER_BEGAN):
        return Refused(reason=reason, line_fault=True)
    if _NO_CHAT in words:
        return Refused(reason=reason)
    refused = _refused_message(reply)
    return _judge(refused) if refused and refused.error else Unknown(reason=reason)


def _refused_message(reply: Reply) -> _Message | None:
    try:
        return _FAILURE.decode(reply.body).data
    except msgspec.DecodeError:
        return None


def _is_it(candidate: _Message, message: Outgoing, *, in_its_chat: bool) -> bool | None:
    """Whether a message of the provider's can be ours; ``None`` where it cannot be told."""
    if not candidate.is_from_me or candidate.error:
        return False
    to_recipient = True if in_its_chat else _goes_to(candidate, message.to)
    if to_recipient is False:
        return False
    if not candidate.text:
        # A picture without words is none of ours; a text that the server could not read may be.
        return False if candidate.attachments else None
    if not same_text(candidate.text, message.text):
        return False
    return to_recipient


def _goes_to(candidate: _Message, handle: str) -> bool | None:
    known = [chat.guid.rpartition(";")[2] for chat in candidate.chats or () if chat.guid]
    known += [chat.chat_identifier for chat in candidate.chats or () if chat.chat_identifier]
    if candidate.handle and candidate.handle.address:
        known.append(candidate.handle.address)
    return any(_same_address(address, handle) for address in known) if known else None


_NOT_DIGITS = re.compile(r"\D")
_LOCAL_DIGITS = 7


def _same_address(address: str, handle: str) -> bool:
    if "@" in address or "@" in handle:
        return address.strip().lower() == handle
    digits, wanted = _NOT_DIGITS.sub("", address), _NOT_DIGITS.sub("", handle)
    return len(digits) >= _LOCAL_DIGITS and wanted.endswith(digits)
