"""A line's chats and messages: the iMessage database behind its server."""

import random
import time
import uuid

import msgspec

from libs.simulators.bluebubbles.addresses import chat_guid

NOT_ON_IMESSAGE = 22
"""A message's ``error`` when its recipient cannot be reached by iMessage."""


class Chat(msgspec.Struct):
    """A one-to-one conversation."""

    rowid: int
    guid: str
    address: str
    service: str


class Message(msgspec.Struct):
    """A message, sent or received.

    Attributes:
        rowid: its place in the database, from 1.
        guid: its id.
        text: as it was given.
        chat: the conversation it belongs to.
        is_from_me: sent, not received.
        date_created: in milliseconds since 1970.
        date_delivered: when it was delivered, likewise; ``None`` until then.
        error: 0, or why it was not sent.
        temp_guid: the caller's reference, which the server forgets once the send has ended.
    """

    rowid: int
    guid: str
    text: str
    chat: Chat
    is_from_me: bool
    date_created: int
    date_delivered: int | None = None
    error: int = 0
    temp_guid: str = ""


class Mailbox:
    """The chats and messages of one line. Messages are never taken out.

    Args:
        seed: fixes the guids.
    """

    def __init__(self, *, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
        self._chats: dict[str, Chat] = {}
        self._by_guid: dict[str, Message] = {}
        self._by_chat: dict[str, list[Message]] = {}
        self._all: list[Message] = []

    def chat(self, guid: str) -> Chat | None:
        """The chat with a guid."""
        return self._chats.get(guid)

    def open_chat(self, address: str, service: str = "iMessage") -> Chat:
        """The chat with an address, which is started if there is none."""
        guid = chat_guid(address, service)
        chat = self._chats.get(guid)
        if chat is None:
            chat = Chat(len(self._chats) + 1, guid, address, service)
            self._chats[guid] = chat
        return chat

    def message(self, guid: str) -> Message | None:
        """The message with a guid."""
        return self._by_guid.get(guid)

    def messages(self, chat: Chat | None = None) -> list[Message]:
        """The messages of a chat, or all there are, the oldest first."""
        return list(self._all if chat is None else self._by_chat.get(chat.guid, []))

    def add(self, chat: Chat, text: str, *, is_from_me: bool, error: int = 0, temp_guid: str = "") -> Message:
        """Put a message into a chat, created now."""
        message = Message(
            rowid=len(self._all) + 1,
            guid=str(uuid.UUID(int=self._random.getrandbits(128), version=4)).upper(),
            text=text,
            chat=chat,
            is_from_me=is_from_me,
            date_created=time.time_ns() // 1_000_000,
            error=error,
            temp_guid=temp_guid,
        )
        self._all.append(message)
        self._by_guid[message.guid] = message
        self._by_chat.setdefault(chat.guid, []).append(message)
        return message
