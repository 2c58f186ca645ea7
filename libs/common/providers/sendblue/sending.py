"""Sending by Sendblue, and finding what was sent.

From docs.sendblue.com: ``send-message`` queues a message and answers its ``message_handle`` and ``status``; no
idempotency key is documented, so a lost answer leaves open whether it was queued. ``GET /api/v2/messages`` lists an
account's messages by number, direction and time, at most 100 a page (docs.sendblue.com/api-v2/messages). The URL given
as ``status_callback`` is called with the message's handle at every change, so a URL of its own per message tells even
after a lost answer which message it was.

The numbered error codes are known from third parties' clients only: 4000 validation, 4001 and 5003 too many calls, 4002
number on the block list, 10001 not sent, 10002 status not known.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from libs.common.providers.errors import FaultReason, LineFault, read_retry_after, reason_of_loss
from libs.common.providers.sendblue.client import SendblueClient
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

SETTLES_WITHIN: Final = timedelta(minutes=2)
"""Not documented. A call either queues the message at once or does not; the list may lag behind a little."""

_PAGE: Final = 100
_MOST_PAGES: Final = 20
_BUSY_CODES: Final = frozenset({4001, 5003, 5509, "RATE_LIMIT_EXCEEDED", "SMS_LIMIT_REACHED"})
_STATUS_UNKNOWN: Final = 10002
_NOT_ON_IMESSAGE: Final = 22
_NOT_SENT: Final = frozenset({"ERROR", "DECLINED", "FAILED"})

StatusCallback = Callable[[Outgoing], str | None]
"""The URL at which changes of a message's status shall be reported; ``None`` where there is no such place."""


class _Message(msgspec.Struct, frozen=True):
    message_handle: str | None = None
    status: str = ""
    error_code: int | str | None = None
    error_message: str | None = None
    content: str | None = None
    is_outbound: bool | None = None
    from_number: str | None = None
    to_number: str | None = None
    date_sent: str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: Sequence[_Message]


_MESSAGE = msgspec.json.Decoder(_Message)
_LIST = msgspec.json.Decoder(_Page)


class SendblueSender:
    """Sends through one line of an account.

    Args:
        client: the account.
        from_number: the line's number.
        status_callback: where changes of a message's status shall be reported.
        settles_within: how long after a call began it may still have an effect.
    """

    def __init__(
        self,
        client: SendblueClient,
        *,
        from_number: str,
        status_callback: StatusCallback = lambda _message: None,
        settles_within: timedelta = SETTLES_WITHIN,
    ) -> None:
        self._client = client
        self._from_number = from_number
        self._status_callback = status_callback
        self._settles_within = settles_within

    @property
    def settles_within(self) -> timedelta:
        """See :class:`~libs.common.providers.sending.MessageSender`."""
        return self._settles_within

    async def send(self, message: Outgoing) -> SendAnswer:
        """See :class:`~libs.common.providers.sending.MessageSender`."""
        body: dict[str, object] = {"number": message.to, "from_number": self._from_number, "content": message.text}
        if callback := self._status_callback(message):
            body["status_callback"] = callback
        try:
            reply = await self._client.post("/send-message", body)
        except NoReply as lost:
            reason = reason_of_loss(lost.loss)
            return Refused(reason=reason, line_fault=True) if lost.loss is Loss.REFUSED else Unknown(reason=reason)
        return _read_answer(reply)

    async def find(self, message: Outgoing, *, since: datetime, until: datetime) -> SearchAnswer:
        """See :class:`~libs.common.providers.sending.MessageSender`."""
        question = {
            "is_outbound": "true",
            "from_number": self._from_number,
            "to_number": message.to,
            "created_at_gte": _stamp(since),
            "created_at_lte": _stamp(until),
            "order_by": "createdAt",
            "order_direction": "asc",
            "limit": str(_PAGE),
        }
        sightings: list[Sighting] = []
        unclear = False
        for page in range(_MOST_PAGES):
            found = await self._list({**question, "offset": str(page * _PAGE)})
            if isinstance(found, CannotAsk):
                return found
            for candidate in found:
                verdict = self._is_it(candidate, message, since, until)
                unclear = unclear or verdict is None
                if isinstance(verdict, Sighting):
                    sightings.append(verdict)
            if len(found) < _PAGE:
                return Seen(sightings=tuple(sightings), unclear=unclear)
        return Seen(sightings=tuple(sightings), unclear=True)

    async def _list(self, question: Mapping[str, str]) -> Sequence[_Message] | CannotAsk:
        try:
            body = await self._client.get("/v2/messages", question)
        except LineFault as fault:
            # An account whose plan has no such list will not have it in a minute either.
            return CannotAsk(reason=fault.reason, lasting=fault.reason is FaultReason.NOT_FOUND)
        try:
            return _LIST.decode(body).data
        except msgspec.DecodeError:
            return CannotAsk(reason=FaultReason.NOT_UNDERSTOOD)

    def _is_it(
        self, candidate: _Message, message: Outgoing, since: datetime, until: datetime
    ) -> Sighting | bool | None:
        """The sighting that a message of the account's is; false where it is none, ``None`` where it cannot be told."""
        others = (
            candidate.is_outbound is False,
            candidate.to_number not in (None, message.to),
            candidate.from_number not in (None, self._from_number),
            _certainly_failed(candidate),
        )
        if any(others) or (candidate.content is not None and not same_text(candidate.content, message.text)):
            return False
        at = _moment(candidate.date_sent)
        if at is not None and not since <= at <= until:
            return False
        if candidate.content is None or at is None or not candidate.message_handle:
            return None
        return Sighting(provider_message_id=candidate.message_handle, at=at)


def _read_answer(reply: Reply) -> SendAnswer:
    try:
        answer = _MESSAGE.decode(reply.body)
    except msgspec.DecodeError:
        answer = None
    if 200 <= reply.status < 300:
        return _read_success(answer)
    reason = f"{reply.status}"
    if answer and (answer.error_code or answer.error_message):
        reason += f" {answer.error_code or ''} {answer.error_message or ''}".rstrip()
    if reply.status == 429 or (answer and answer.error_code in _BUSY_CODES):
        pause = read_retry_after(reply.retry_after, now=datetime.now(UTC))
        return Refused(reason=reason, busy=True, retry_after=pause)
    if reply.status in (401, 402, 403, 404):
        return Refused(reason=reason, line_fault=True)
    if reply.status in (400, 422) and answer is not None:
        return Refused(reason=reason, lasting=True)
    return Unknown(reason=reason)


def _read_success(answer: _Message | None) -> SendAnswer:
    if answer is None or not answer.message_handle:
        return Unknown(reason="the answer names no message")
    if _certainly_failed(answer):
        code = f" {answer.error_code}" if answer.error_code else ""
        lasting = answer.status == "DECLINED" or answer.error_code == _NOT_ON_IMESSAGE
        return Refused(reason=f"{answer.status}{code}", lasting=lasting)
    return Sent(provider_message_id=answer.message_handle)


def _certainly_failed(message: _Message) -> bool:
    return message.status in _NOT_SENT and message.error_code != _STATUS_UNKNOWN


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
