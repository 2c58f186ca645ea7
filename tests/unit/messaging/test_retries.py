"""What follows when a provider certainly did not take a message."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.messages.reasons import Reason
from libs.common.providers.sending import Refused
from services.messaging.retries import MAX_ATTEMPTS, GiveUp, TryAgain, decide_after_refusal

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def decide(refused: Refused, *, attempts: int = 1, random: float = 0.5, may_move: bool = False) -> TryAgain | GiveUp:
    return decide_after_refusal(refused, attempts=attempts, may_move=may_move, now=NOW, random=lambda: random)


def test_what_will_be_refused_for_ever_has_failed_at_once() -> None:
    assert decide(Refused(reason="22", lasting=True)) == GiveUp(reason=Reason.PROVIDER_REFUSED)


def test_a_lines_fault_never_ends_a_message() -> None:
    decision = decide(Refused(reason="away", line_fault=True, lasting=True), attempts=1_000)
    assert decision == TryAgain(at=NOW + timedelta(seconds=45), reason=Reason.LINE_FAULT)


def test_a_new_conversation_looks_for_another_line_at_once() -> None:
    decision = decide(Refused(reason="away", line_fault=True), attempts=1_000, may_move=True)
    assert decision == TryAgain(at=NOW + timedelta(seconds=1), reason=Reason.LINE_FAULT)


def test_a_providers_request_for_patience_is_honoured_and_never_ends_a_message() -> None:
    decision = decide(Refused(reason="429", busy=True, retry_after=timedelta(minutes=7)), attempts=1_000, random=0)
    assert decision == TryAgain(at=NOW + timedelta(minutes=7), reason=Reason.PROVIDER_BUSY)


def test_a_provider_that_does_not_say_for_how_long_is_left_alone_ever_longer() -> None:
    pauses = [decide(Refused(reason="429", busy=True), attempts=n) for n in (1, 4, 1_000)]
    assert [(p.at - NOW).total_seconds() for p in pauses if isinstance(p, TryAgain)] == [1, 8, 300]


def test_other_refusals_are_retried_with_growing_pauses() -> None:
    pauses = [decide(Refused(reason="x"), attempts=n) for n in range(1, 5)]
    assert [(p.at - NOW).total_seconds() for p in pauses if isinstance(p, TryAgain)] == [1, 2, 4, 8]


def test_after_the_last_attempt_the_message_has_failed() -> None:
    assert decide(Refused(reason="x"), attempts=MAX_ATTEMPTS) == GiveUp(reason=Reason.GAVE_UP)


@given(attempts=st.integers(1, MAX_ATTEMPTS - 1), random=st.floats(0, 1, exclude_max=True))
def test_no_pause_is_negative_or_longer_than_the_longest(attempts: int, random: float) -> None:
    decision = decide(Refused(reason="x"), attempts=attempts, random=random)
    assert isinstance(decision, TryAgain)
    assert timedelta(0) <= decision.at - NOW <= timedelta(minutes=10)


@pytest.mark.parametrize("after", [timedelta(0), timedelta(hours=1)])
def test_a_line_at_fault_is_left_alone_for_as_long_as_it_asks(after: timedelta) -> None:
    decision = decide(Refused(reason="x", line_fault=True, retry_after=after))
    assert isinstance(decision, TryAgain)
    assert decision.at >= NOW + after
