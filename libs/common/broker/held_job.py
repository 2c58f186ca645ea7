"""A job in a worker's hands: the message, the lease it is held by, and what its run has come to."""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy

from libs.common.broker.model import Children
from libs.common.broker.outcome import HandBack, Outcome
from libs.common.broker.queue import decode_children
from libs.common.broker.record import Body, Header, decode_header, split_record
from libs.common.errors import JobCancelled, LeaseLost

_FIRST_JOB = 7


class HeldJob(MessageProxy):
    """A Dramatiq message under a lease.

    There are tens of thousands of these a second, so what not every job needs (Dramatiq's message, the header's fields)
    is made when it is asked for, and the message's fields are attributes, which the base class would look up each time.

    Args:
        queue: the queue it came from.
        job_id: its identity.
        fence: the fencing number of the lease.
        attempts_made: attempts before this one.
        children: a parent's children, where it has any.
        header_line: what the scripts know of the job, undecoded.
        body: the message.
        started_ms: when the lease began, on Redis's clock.
        started: the same moment on this process's monotonic clock, in seconds.
    """

    def __init__(
        self,
        queue: str,
        job_id: str,
        fence: bytes,
        attempts_made: int,
        children: Children | None,
        header_line: bytes,
        body: Body,
        started_ms: int,
        started: float,
    ) -> None:
        # What the base class sets, but for the message itself.
        self.failed = False
        self._exception: BaseException | None = None
        self.queue_name = queue
        self.actor_name = body.actor
        self.args = body.args
        self.kwargs = body.kwargs
        self.options = body.options
        self.message_id = job_id
        self.message_timestamp = body.created_ms

        self.job_id = job_id
        self.fence = fence
        self.attempt = attempts_made + 1
        self.children = children
        self.header_line = header_line
        self.started_ms = started_ms
        self.started = started
        self.outcome: Outcome | None = None
        self.own_counts: dict[str, int] | None = None
        self.parent_counts: dict[str, int] | None = None
        self.cancel_requested = False
        self.lease_lost = False
        self.handing_back = False

    @cached_property
    def header(self) -> Header:
        """What the scripts know of the job."""
        return decode_header(self.header_line)

    @cached_property
    def _message(self) -> dramatiq.Message[Any]:  # type: ignore[override]  # an attribute there, made when needed here
        return dramatiq.Message(
            self.queue_name,
            self.actor_name,
            self.args,
            self.kwargs,
            self.options,
            self.message_id,
            self.message_timestamp,
        )

    def count(self, increments: Mapping[str, int], *, on_parent: bool) -> None:
        """Remembers what to add to the progress, its own or its parent's, when the job is acknowledged."""
        into = (self.parent_counts if on_parent else self.own_counts) or {}
        for name, by in increments.items():
            into[name] = into.get(name, 0) + by
        if on_parent:
            self.parent_counts = into
        else:
            self.own_counts = into

    def reason_to_stop(self) -> BaseException | None:
        """Why the run was interrupted, where it was by us."""
        if self.lease_lost:
            return LeaseLost()
        if self.cancel_requested:
            return JobCancelled()
        return HandBack() if self.handing_back else None

    @property
    def duration_ms(self) -> int:
        """Milliseconds since the job was taken."""
        return int((time.monotonic() - self.started) * 1000)


def held(message: MessageProxy) -> HeldJob:
    """The message as the job that it is under our broker.

    Raises:
        TypeError: it came from another broker.
    """
    if not isinstance(message, HeldJob):
        raise TypeError(f"expected a job of TucoBroker, got {type(message).__name__}")
    return message


class Undecodable:
    """A record that is not a message; it becomes a dead letter.

    Args:
        job_id: its identity.
        fence: the fencing number of the lease.
        reason: what is wrong with it.
    """

    __slots__ = ("fence", "job_id", "reason")

    def __init__(self, job_id: str, fence: bytes, reason: str) -> None:
        self.job_id = job_id
        self.fence = fence
        self.reason = reason


class Fetched:
    """The answer of ``fetch.lua`` as data.

    Args:
        queue: the queue it came from.
        answer: the script's answer.
    """

    __slots__ = ("alone", "cancelled", "due_ms", "jobs", "now_ms", "undecodable")

    def __init__(self, queue: str, answer: Sequence[Any]) -> None:
        self.now_ms: int = answer[0]
        self.due_ms: int = answer[1]
        self.cancelled: frozenset[str] = frozenset(job_id.decode() for job_id in answer[2])
        self.alone = bool(answer[3])
        self.jobs: list[HeldJob] = []
        self.undecodable: list[Undecodable] = []
        fence, made, families = answer[4], answer[5], answer[6]
        started = time.monotonic()
        for place, i in enumerate(range(_FIRST_JOB, len(answer), 2)):
            fence += 1
            name = answer[i].decode()
            try:
                line, body = split_record(answer[i + 1])
            except ValueError as error:
                self.undecodable.append(Undecodable(name, b"%d" % fence, f"undecodable: {error}"))
                continue
            attempts_made = int(made[place]) if made else 0
            children = decode_children(families[place]) if families else None
            self.jobs.append(
                HeldJob(queue, name, b"%d" % fence, attempts_made, children, line, body, self.now_ms, started)
            )
