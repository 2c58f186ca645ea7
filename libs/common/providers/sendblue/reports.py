"""Sendblue's webhooks: the message itself, at every change of its status and when one comes in.

From docs.sendblue.com (webhooks; sending and receiving messages). What is not delivered for certain is taken as in
:mod:`libs.common.providers.sendblue.sending`.
"""

from datetime import UTC, datetime

import msgspec

from libs.common.providers.reports import Report, ReportKind

_STATUS_UNKNOWN = 10002
_FAILED = frozenset({"ERROR", "DECLINED", "FAILED"})


class _Message(msgspec.Struct, frozen=True):
    is_outbound: bool
    message_handle: str | None = None
    status: str = ""
    error_code: int | str | None = None
    error_message: str | None = None
    content: str | None = None
    from_number: str | None = None
    date_updated: str | None = None
    opted_out: bool | None = None


_MESSAGE = msgspec.json.Decoder(_Message)


def read_report(body: bytes) -> Report | None:
    """What a webhook's body reports; ``None`` where it is about something else.

    Raises:
        msgspec.DecodeError: it is no webhook of Sendblue's.
    """
    message = _MESSAGE.decode(body)
    if not message.is_outbound:
        return Report(
            kind=ReportKind.INBOUND,
            provider_message_id=message.message_handle,
            sender=message.from_number or "",
            text=message.content or "",
            opted_out=bool(message.opted_out),
        )
    status = message.status.upper()
    if status in _FAILED and message.error_code != _STATUS_UNKNOWN:
        return _report(ReportKind.FAILED, message, error=f"{status} {message.error_code or ''}".strip())
    if status == "DELIVERED":
        return _report(ReportKind.DELIVERED, message)
    return _report(ReportKind.WENT_OUT, message)


def _report(kind: ReportKind, message: _Message, *, error: str = "") -> Report:
    return Report(kind=kind, provider_message_id=message.message_handle, at=_moment(message.date_updated), error=error)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
