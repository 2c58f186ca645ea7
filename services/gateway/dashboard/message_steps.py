"""What happened to a message, step by step, from what is kept of it and of the job that sends it. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from libs.common.messages.explaining import sentence_of
from libs.common.messages.states import MessageStatus
from libs.common.stores.message_search import MessageRecord
from services.gateway.job_view import JobAnswer

_FIRST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened, or will.

    Args:
        text: what.
        at: when; ``None`` where that is not kept.
        kind: how it is drawn: ``good``, ``bad``, ``busy``, ``next``, or plain.
        more: what belongs to it.
        error: what went wrong.
    """

    text: str
    at: datetime | None = None
    kind: str = ""
    more: str = ""
    error: str = ""


def steps_of(record: MessageRecord, job: JobAnswer | None) -> list[Step]:
    """The steps of a message in their order; what is still to come is last.

    Args:
        record: what is kept of the message.
        job: the job that last claimed it, where it is still known.
    """
    past = [step for step in _past(record, job) if step.at is not None or step.error]
    return sorted(past, key=lambda step: step.at or _FIRST) + list(_to_come(record))


def _past(record: MessageRecord, job: JobAnswer | None) -> Iterator[Step]:
    message = record.message
    yield Step(text="Written", at=message.created_at)
    if message.claimed_at:
        yield Step(text="Claimed by a worker", at=message.claimed_at, more=message.lease_owner or "")
    for attempt in job.attempts if job else ():
        yield Step(
            text=f"The job's attempt {attempt.number} {attempt.outcome}",
            at=attempt.started_at,
            kind="bad",
            more=attempt.worker,
            error=attempt.error,
        )
    if message.dispatched_at:
        again = f"attempt {message.attempts}" if message.attempts > 1 else ""
        first = "the first message to this person on the line" if message.starts_conversation else ""
        more = ", ".join(filter(None, (again, first)))
        yield Step(text="Handed to the provider", at=message.dispatched_at, more=more)
    if message.sent_at:
        name = f"the provider calls it {message.provider_message_id}" if message.provider_message_id else ""
        yield Step(text="Sent", at=message.sent_at, kind="good", more=name)
    if record.delivered_at:
        yield Step(text="Delivered", at=record.delivered_at, kind="good")
    if record.resolved_at:
        yield Step(text="A person decided", at=record.resolved_at, more=record.resolved_by or "")
    if message.status in _ENDS:
        text, kind = _ENDS[message.status]
        is_said = message.status is MessageStatus.UNCERTAIN or not message.reason
        more = "" if is_said else sentence_of(message.reason or "")
        yield Step(text=text, at=message.updated_at, kind=kind, more=more, error=message.error or "")


_ENDS: Final = {
    MessageStatus.FAILED: ("Failed", "bad"),
    MessageStatus.UNCERTAIN: ("Nobody knows whether it went out", "bad"),
    MessageStatus.CANCELLED: ("Cancelled", ""),
}


def _to_come(record: MessageRecord) -> Iterator[Step]:
    message = record.message
    if message.status is MessageStatus.SCHEDULED:
        yield Step(text="Its time comes", at=message.scheduled_at, kind="next")
    elif message.status is MessageStatus.QUEUED and message.not_before:
        more = sentence_of(message.reason) if message.reason else ""
        yield Step(text="Tried next", at=message.not_before, kind="next", more=more, error=message.error or "")
    elif message.status is MessageStatus.SENDING:
        yield Step(text="Being sent", at=message.claimed_at, kind="busy", error=message.error or "")
