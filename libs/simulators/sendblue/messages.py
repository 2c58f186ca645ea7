"""The account's messages, and how the API writes them.

The fields are read on docs.sendblue.com (sending messages, receiving messages, list messages); ``error_code`` is a
number, or a name for some errors.
"""

import datetime as dt
import enum
import random
import uuid

import msgspec

from libs.simulators.sendblue.clock import stamp


class Status(enum.StrEnum):
    """Where a message is on its way."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    DECLINED = "DECLINED"
    ERROR = "ERROR"
    RECEIVED = "RECEIVED"


class Message(msgspec.Struct, kw_only=True):
    """A message, sent or received.

    Attributes:
        handle: its id.
        line: the name of the line.
        line_number: the line's telephone number.
        contact: the other party's.
        content: the text.
        is_outbound: sent, not received.
        status: where it is.
        created_at: when it was accepted or received.
        updated_at: when its status changed last.
        sent_at: when it went out; ``None`` until then.
        service: by which service it went.
        was_downgraded: whether it went by SMS in place of iMessage; ``None`` until it is known.
        error_code: why it failed.
        error_message: the same in words.
        media_url: what is attached.
        send_style: how it is shown.
        status_callback: where changes of its status are posted.
        opted_out: whether the contact wants no messages.
    """

    handle: str
    line: str
    line_number: str
    contact: str
    content: str
    is_outbound: bool
    status: Status
    created_at: dt.datetime
    updated_at: dt.datetime
    sent_at: dt.datetime | None = None
    service: str = "iMessage"
    was_downgraded: bool | None = None
    error_code: int | str | None = None
    error_message: str | None = None
    media_url: str = ""
    send_style: str = ""
    status_callback: str = ""
    opted_out: bool = False

    def as_json(self, account_email: str) -> dict[str, object]:
        """The message as the API writes it."""
        sender, recipient = (self.line_number, self.contact) if self.is_outbound else (self.contact, self.line_number)
        return {
            "accountEmail": account_email,
            "content": self.content,
            "is_outbound": self.is_outbound,
            "status": self.status,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "error_reason": None,
            "error_detail": None,
            "message_handle": self.handle,
            "date_sent": stamp(self.created_at),
            "date_updated": stamp(self.updated_at),
            "from_number": sender,
            "number": self.contact,
            "to_number": recipient,
            "was_downgraded": self.was_downgraded,
            "plan": "dedicated",
            "media_url": self.media_url,
            "message_type": "message",
            "group_id": "",
            "participants": [] if self.is_outbound else [self.contact, self.line_number],
            "send_style": self.send_style,
            "opted_out": self.opted_out,
            "sendblue_number": self.line_number,
            "service": self.service,
            "group_display_name": None,
        }


class MessageStore:
    """All messages of the account; none is ever taken out.

    Args:
        seed: fixes the handles.
    """

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(f"{seed}:handles")  # noqa: S311 - repeatable on purpose, guards nothing
        self._by_handle: dict[str, Message] = {}

    def new_handle(self) -> str:
        """A handle that no message has."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def add(self, message: Message) -> None:
        """Keep a message."""
        self._by_handle[message.handle] = message

    def find(self, handle: str) -> Message | None:
        """The message with a handle."""
        return self._by_handle.get(handle)

    def all(self) -> list[Message]:
        """All messages, in the order in which they came."""
        return list(self._by_handle.values())
