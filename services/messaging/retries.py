"""What follows when a provider certainly did not take a message: another attempt later, or the end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.messages.reasons import Reason
from libs.common.providers.sending import Refused

MAX_ATTEMPTS = 8
"""How often a provider may refuse a message, itself well, before it has failed."""

_FIRST = timedelta(seconds=2)
_LONGEST = timedelta(minutes=10)
_DOUBLINGS = 16
_LINE_FAULT = timedelta(seconds=30)

Random = Callable[[], float]
"""A number from 0 up to but not including 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """The message is queued again.

    Args:
        at: the moment of the next attempt.
        reason: why it waits.
    """

    at: datetime
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The message has failed."""

    reason: Reason


def decide_after_refusal(
    refused: Refused, *, attempts: int, may_move: bool, now: datetime, random: Random
) -> TryAgain | GiveUp:
    """What follows a refusal.

    A line's fault and a provider's request for patience are not the message's doing, so they end it never; the health
    check takes a line that stays at fault out of use.

    Args:
        refused: what the adapter said.
        attempts: how often the message was handed to a provider, this time included.
        may_move: whether another line may send it, because it starts a conversation.
        now: the current moment.
        random: spreads the next attempts (full jitter).
    """
    if refused.line_fault and may_move:
        return TryAgain(at=now + _FIRST * random(), reason=Reason.LINE_FAULT)
    if refused.line_fault:
        return TryAgain(at=now + _pause(refused, _LINE_FAULT * (1 + random())), reason=Reason.LINE_FAULT)
    if refused.lasting:
        return GiveUp(reason=Reason.PROVIDER_REFUSED)
    backoff = min(_LONGEST, _FIRST * 2 ** min(attempts - 1, _DOUBLINGS)) * random()
    if refused.busy:
        return TryAgain(at=now + _pause(refused, backoff), reason=Reason.PROVIDER_BUSY)
    if attempts >= MAX_ATTEMPTS:
        return GiveUp(reason=Reason.GAVE_UP)
    return TryAgain(at=now + backoff, reason=Reason.PROVIDER_REFUSED)


def _pause(refused: Refused, least: timedelta) -> timedelta:
    return (refused.retry_after or timedelta(0)) + least
