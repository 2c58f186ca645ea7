"""How a run of a job can end, and the rule that decides it. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dramatiq.errors import Retry as DramatiqRetry
from dramatiq.middleware import Interrupt

from libs.common.errors import InvalidInput, JobCancelled, LeaseLost, NotNow, Permanent, Retryable, StoreUnavailable
from libs.common.jobs.contract import Backoff

_STORE_AWAY_PAUSE = timedelta(seconds=5)


class WaitForChildren(Exception):
    """Raised by a parent that has added its children: it runs again when the last of them has ended."""


class Stopped(Interrupt):
    """Interrupts a running function: its lease is lost, a person cancelled the job, or the worker shuts down."""


class HandBack(BaseException):
    """The worker shuts down; the job goes back to the queue with no attempt counted."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The job is done."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The attempt failed; there will be another after the delay."""

    delay: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """The job may not run before this moment; no attempt is counted."""

    until: datetime
    reason: str
    came_further: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """The job will not run again by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class WaitsForChildren:
    """A parent lets go of its worker."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job stopped because a person asked it to."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker returns the job unfinished."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The lease is gone; whatever this run did, another's outcome counts."""


Outcome = Completed | RetryLater | Deferred | Dead | WaitsForChildren | Cancelled | HandedBack | Lost


def decide_outcome(
    error: BaseException,
    *,
    attempt: int,
    max_attempts: int,
    backoff: Backoff,
    random: Callable[[], float],
    now: datetime,
) -> Outcome:
    """What becomes of a job whose run raised ``error``.

    A store that is away is nobody's fault: the job comes back after a pause and no attempt is counted, or an outage of
    some minutes would make dead letters of everything that ran into it.

    Args:
        error: what the run raised.
        attempt: which attempt this was, from 1.
        max_attempts: how many there may be.
        backoff: the pause between attempts.
        random: uniform in [0, 1).
        now: the present moment.
    """
    match error:
        case WaitForChildren():
            return WaitsForChildren()
        case HandBack():
            return HandedBack()
        case LeaseLost():
            return Lost()
        case JobCancelled():
            return Cancelled()
        case NotNow():
            return Deferred(error.until, error.reason, error.came_further)
        case StoreUnavailable():
            return Deferred(now + _STORE_AWAY_PAUSE * (0.5 + random()), describe(error))
        case Permanent() | InvalidInput():
            return Dead(describe(error))
    if attempt >= max_attempts:
        return Dead(describe(error))
    return RetryLater(delay_before_retry(error, attempt=attempt, backoff=backoff, random=random), describe(error))


def delay_before_retry(
    error: BaseException, *, attempt: int, backoff: Backoff, random: Callable[[], float]
) -> timedelta:
    """Exponential backoff with full jitter, never earlier than the other side's ``Retry-After``."""
    ceiling = min(backoff.longest, backoff.first * 2 ** min(attempt - 1, 40))
    delay: timedelta = ceiling * random()
    if isinstance(error, Retryable) and error.after is not None:
        return max(delay, error.after)
    if isinstance(error, DramatiqRetry) and error.delay is not None:
        return timedelta(milliseconds=error.delay)
    return delay


def describe(error: BaseException) -> str:
    """An error in a line: its kind and what it says."""
    text = str(error)
    kind = type(error).__name__
    if isinstance(error, Interrupt):
        return f"{kind}: the run was interrupted{': ' + text if text else ''}"
    return f"{kind}: {text}" if text else kind


def is_expected(error: BaseException) -> bool:
    """Whether the error is part of how jobs work, so that its traceback would only be noise."""
    return isinstance(error, (WaitForChildren, NotNow, HandBack, LeaseLost, JobCancelled, Retryable, StoreUnavailable))
