"""What follows when nobody knows whether a message went out: what the provider has decides.

The rule that keeps a message from going out twice: it is sent again only when the provider was asked after the last
moment at which the earlier call could still have had an effect, and had nothing that might be this message. A provider
that was asleep acts on a call when it wakes, so it must have been heard to be awake for as long as it may take.
"""

from dataclasses import dataclass
from datetime import timedelta

from libs.common.messages.reasons import Reason
from libs.common.messages.states import Heard
from libs.common.providers.sending import CannotAsk, SearchAnswer, Seen, Sighting

CLOCK_SLACK = timedelta(seconds=30)
"""How far the clocks of MongoDB and a provider may lie apart."""

_ASK_FIRST = timedelta(seconds=2)
_ASK_LONGEST = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItWent:
    """One of these is the message, unless it belongs to another message of ours: the first that does not.

    Args:
        candidates: the sightings, oldest first.
        otherwise: what follows where all of them belong to others.
    """

    candidates: tuple[Sighting, ...]
    otherwise: "SendAgain | AskAgain | Uncertain"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAgain:
    """It certainly did not go out and will not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAgain:
    """It cannot be told yet.

    Args:
        after: how long to wait before the next question.
        heard: what it said to this one.
    """

    after: timedelta
    heard: Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """It will not be known by asking: a person decides."""

    reason: Reason


Decision = ItWent | SendAgain | AskAgain | Uncertain


def decide_reconciliation(
    answer: SearchAnswer,
    *,
    since_mark: timedelta,
    absent_for: timedelta,
    unheard_for: timedelta,
    leaves_within: timedelta,
    settles_within: timedelta,
    patience: timedelta,
) -> Decision:
    """What follows from what the provider has.

    Args:
        answer: what it said.
        since_mark: how long before the question was put the message was marked as dispatched; never overstated.
        absent_for: how long before the question was put it had already said that it has no such message.
        unheard_for: how long before the question was put it had first given no answer.
        leaves_within: how long after the mark the call may have begun.
        settles_within: how long after that, or after it woke, the provider may still act on it.
        patience: how long a provider that cannot be asked is asked again.
    """
    if isinstance(answer, CannotAsk):
        if answer.lasting or unheard_for >= patience:
            return Uncertain(reason=Reason.CANNOT_ASK)
        return AskAgain(after=_next_question(since_mark), heard=Heard.NOTHING)
    open_for = max(leaves_within + settles_within - since_mark, settles_within - absent_for)
    absent = _if_absent(answer, since_mark, open_for)
    if answer.sightings:
        return ItWent(candidates=answer.sightings, otherwise=absent)
    return absent


def _if_absent(seen: Seen, since_mark: timedelta, open_for: timedelta) -> SendAgain | AskAgain | Uncertain:
    if open_for > timedelta(0):
        return AskAgain(after=min(_next_question(since_mark), open_for), heard=Heard.ABSENT)
    return Uncertain(reason=Reason.ANSWER_UNKNOWN) if seen.unclear else SendAgain()


def _next_question(since_mark: timedelta) -> timedelta:
    """Soon at first and then ever more seldom: half of what has passed."""
    return min(max(since_mark / 2, _ASK_FIRST), _ASK_LONGEST)
