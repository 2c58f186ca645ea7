"""A job in a worker's hands: the message, the lease it is held by, and what its run has come to."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy

from libs.common.broker.model import Children
from libs.common.broker.outcome import HandBack, Outcome
from libs.common.broker.queue import decode_children
from libs.common.broker.record import Body, Header, decode_record
from libs.common.errors import JobCancelled, LeaseLost

_FIRST_JOB = 7


class HeldJob(MessageProxy):
    """A Dramatiq message under a lease.

    Args:
        queue: the queue it came from.
        job_id: its identity.
        fence: the fencing number of the lease.
        attempts_made: attempts before this one.
        children: a parent's children, where it has any.
        header: what the scripts know of the job.
        body: the message.
        started_ms: when the lease began, on Redis's clock.
    """

    def __init__(
        self,
        queue: str,
        job_id: str,
        fence: bytes,
        attempts_made: int,
        children: Children | None,
        header: Header,
        body: Body,
        started_ms: int,
    ) -> None:
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue, body.actor, body.args, body.kwargs, body.options, job_id, body.created_ms
        )
        super().__init__(message)
        self.job_id = job_id
        self.fence = fence
        self.attempt = attempts_made + 1
        self.children = children
        self.header = header
        self.started_ms = started_ms
        self.started = time.monotonic()
        self.outcome: Outcome | None = None
        self.own_counts: dict[str, int] = {}
        self.parent_counts: dict[str, int] = {}
        self.cancel_requested = False
        self.lease_lost = False
        self.handing_back = False

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
        for place, i in enumerate(range(_FIRST_JOB, len(answer), 2)):
            fence += 1
            name = answer[i].decode()
            try:
                header, body = decode_record(answer[i + 1])
            except ValueError as error:
                self.undecodable.append(Undecodable(name, b"%d" % fence, f"undecodable: {error}"))
                continue
            attempts_made = int(made[place]) if made else 0
            children = decode_children(families[place]) if families else None
            self.jobs.append(HeldJob(queue, name, b"%d" % fence, attempts_made, children, header, body, self.now_ms))


def merge_counts(into: dict[str, int], increments: Mapping[str, int]) -> None:
    """Adds ``increments`` to ``into``."""
    for name, by in increments.items():
        into[name] = into.get(name, 0) + by
