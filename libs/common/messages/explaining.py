"""Why a message is not sent yet, in one sentence, with the limit that binds and the earliest moment."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from libs.common.messages.model import Message
from libs.common.messages.reasons import Reason
from libs.common.messages.states import MessageStatus
from libs.common.messages.stops import Cancel, Hold

_TICK: Final = timedelta(minutes=1)


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An explanation.

    Args:
        message_id: the message.
        status: where it is.
        explanation: why, in a sentence.
        reason: the limit that binds, or what ended it.
        earliest_at: the earliest moment at which it can go; ``None`` where it will not go by itself.
        line_id: the line that it waits for or went through.
        attempts: how often it was handed to a provider.
        error: the last fault.
    """

    message_id: str
    status: MessageStatus
    explanation: str
    reason: str | None = None
    earliest_at: datetime | None = None
    line_id: str | None = None
    attempts: int = 0
    error: str | None = None


def explain(message: Message, *, stopped: Hold | Cancel | None, queue_paused: bool, now: datetime) -> Explanation:
    """Why a message is where it is.

    Args:
        message: the message.
        stopped: what the stops that concern it say now.
        queue_paused: whether the queue of messages is paused.
        now: the current moment.
    """
    reason, earliest, sentence = _why(message, stopped, queue_paused, now)
    return Explanation(
        message_id=message.message_id,
        status=message.status,
        explanation=sentence,
        reason=reason,
        earliest_at=earliest,
        line_id=message.line_id,
        attempts=message.attempts,
        error=message.error,
    )


def _why(
    message: Message, stopped: Hold | Cancel | None, queue_paused: bool, now: datetime
) -> tuple[str | None, datetime | None, str]:
    ended = _ENDED.get(message.status)
    if ended is not None:
        return message.reason, None, _with_reason(ended, message.reason)
    if message.status is MessageStatus.SENDING:
        return _why_sending(message, now)
    if isinstance(stopped, Cancel):
        return stopped.reason, None, f"It will be cancelled: {sentence_of(stopped.reason)}."
    if isinstance(stopped, Hold):
        return stopped.reason, stopped.until, f"It waits: {sentence_of(stopped.reason)}."
    if message.status is MessageStatus.SCHEDULED:
        return _why_scheduled(message, now)
    if message.not_before is not None and message.not_before > now:
        reason = message.reason or Reason.LINE_PER_MINUTE
        return reason, message.not_before, f"It waits: {sentence_of(reason)}."
    if queue_paused:
        return "queue_paused", None, "It waits: the queue message-processing is paused."
    return "in_queue", now, "It is in the queue, and a worker takes it next in its workspace's turn."


def _why_scheduled(message: Message, now: datetime) -> tuple[str | None, datetime | None, str]:
    due_at = message.scheduled_at
    if due_at is None:
        return Reason.NOT_DUE, None, "It is scheduled without a moment, so its time never comes."
    if due_at > now:
        return Reason.NOT_DUE, due_at, "Its time has not come."
    return Reason.NOT_DUE, now + _TICK, "Its time has come; the next minute's tick queues it."


def _why_sending(message: Message, now: datetime) -> tuple[str | None, datetime | None, str]:
    if message.reason == Reason.ANSWER_UNKNOWN:
        return (
            message.reason,
            max(message.not_before or now, now),
            "Its provider's answer was lost; the provider is asked whether it went out.",
        )
    return None, now, "It is being sent."


_ENDED: Final = {
    MessageStatus.DRAFT: "It is a draft; nothing sends it",
    MessageStatus.SENT: "It was sent",
    MessageStatus.DELIVERED: "It was delivered",
    MessageStatus.FAILED: "It has failed",
    MessageStatus.UNCERTAIN: "It may have gone out and its provider cannot tell; a person decides",
    MessageStatus.CANCELLED: "It was cancelled",
}

_SENTENCES: Final = {
    Reason.LINE_PER_MINUTE: "its line sends no more messages in this minute",
    Reason.LINE_PER_DAY: "its line has sent or promised its messages of the day",
    Reason.NEW_CONVERSATIONS_PER_DAY: "its line has started or promised its new conversations of the day",
    Reason.WORKSPACE_PER_DAY: "its workspace has sent or promised its messages of the day",
    Reason.RECIPIENT_GAP: "the recipient has another message just before it",
    Reason.QUIET_HOURS: "its line has quiet hours",
    Reason.NO_LINE: "the workspace has no line that can reach the recipient",
    Reason.LINE_DOWN: "the line that would send it is down",
    Reason.LINE_PAUSED: "the line that would send it is paused",
    Reason.STOPPED_WORKSPACE: "the workspace is stopped",
    Reason.STOPPED_LINE: "the line is stopped",
    Reason.STOPPED_CAMPAIGN: "the campaign is stopped",
    Reason.STOPPED_RECIPIENT: "the recipient is stopped",
    Reason.OPTED_OUT: "the recipient has opted out",
    Reason.PROVIDER_REFUSED: "the provider did not take it",
    Reason.PROVIDER_BUSY: "the provider asks for patience",
    Reason.LINE_FAULT: "the line is at fault",
    Reason.ANSWER_UNKNOWN: "it is not known whether it went out",
    Reason.CANNOT_ASK: "the provider cannot be asked whether it went out",
    Reason.GAVE_UP: "the provider did not take it, however often it was tried",
    Reason.INVALID_RECIPIENT: "the recipient is no phone number or address",
    Reason.EMPTY_TEXT: "it has no text",
    Reason.RESOLVED: "a person decided so",
    Reason.CANCELLED: "a person cancelled it",
}


def sentence_of(reason: str) -> str:
    """A reason in words that fit after "It waits:"."""
    try:
        return _SENTENCES[Reason(reason)]
    except (ValueError, KeyError):
        return reason


def _with_reason(sentence: str, reason: str | None) -> str:
    return f"{sentence}: {sentence_of(reason)}." if reason else f"{sentence}."
