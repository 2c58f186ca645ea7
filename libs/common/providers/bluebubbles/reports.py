"""BlueBubbles' webhooks: ``{"type", "data"}``, unsigned, tried once.

Read in BlueBubblesApp/bluebubbles-server, ``packages/server/src/server/events.ts`` and ``index.ts``: ``new-message``
for what is sent (with our ``tempGuid`` once the server recognises its own send) and for what comes in,
``updated-message`` when ``dateDelivered`` or ``error`` is set, ``message-send-error``.
"""

import msgspec

from libs.common.clock import from_ms
from libs.common.providers.reports import Report, ReportKind


class _Handle(msgspec.Struct, frozen=True):
    address: str | None = None


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    guid: str
    text: str | None = None
    error: int | None = 0
    is_from_me: bool = False
    date_delivered: float | None = None
    handle: _Handle | None = None
    temp_guid: str | None = None


class _Event(msgspec.Struct, frozen=True):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"null")


_EVENT = msgspec.json.Decoder(_Event)
_MESSAGE = msgspec.json.Decoder(_Message)
_OF_MESSAGES = frozenset({"new-message", "updated-message", "message-send-error"})


def read_report(body: bytes) -> Report | None:
    """What a webhook's body reports; ``None`` where it is about something else.

    Raises:
        msgspec.DecodeError: it is no webhook of BlueBubbles'.
    """
    event = _EVENT.decode(body)
    if event.type not in _OF_MESSAGES:
        return None
    message = _MESSAGE.decode(event.data)
    if event.type == "message-send-error" or message.error:
        return _report(ReportKind.FAILED, message, error=f"iMessage error {message.error}")
    if event.type == "updated-message":
        delivered = message.is_from_me and message.date_delivered is not None
        return _report(ReportKind.DELIVERED, message) if delivered else None
    if message.is_from_me:
        return _report(ReportKind.WENT_OUT, message)
    sender = message.handle.address if message.handle else None
    return Report(
        kind=ReportKind.INBOUND, provider_message_id=message.guid, sender=sender or "", text=message.text or ""
    )


def _report(kind: ReportKind, message: _Message, *, error: str = "") -> Report:
    return Report(
        kind=kind,
        provider_message_id=message.guid,
        reference=message.temp_guid,
        at=from_ms(message.date_delivered) if message.date_delivered is not None else None,
        error=error,
    )
