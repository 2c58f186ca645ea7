"""What follows when nobody knows whether a message went out."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.messages.reasons import Reason
from libs.common.messages.states import Heard
from libs.common.providers.sending import CannotAsk, SearchAnswer, Seen, Sighting
from services.messaging.reconciliation import (
    AskAgain,
    Decision,
    ItWent,
    SendAgain,
    Uncertain,
    decide_reconciliation,
)

SETTLES = timedelta(minutes=3)
LEAVES = timedelta(seconds=5)
OVER = LEAVES + SETTLES
MOMENT = timedelta(milliseconds=1)
PATIENCE = timedelta(hours=1)
SIGHTING = Sighting(provider_message_id="p", at=datetime(2026, 1, 1, tzinfo=UTC))
EARLY = timedelta(seconds=10)


ZERO = timedelta(0)


def decide(
    answer: SearchAnswer, since_mark: timedelta, absent_for: timedelta = SETTLES, unheard_for: timedelta = ZERO
) -> Decision:
    return decide_reconciliation(
        answer,
        since_mark=since_mark,
        absent_for=absent_for,
        unheard_for=unheard_for,
        leaves_within=LEAVES,
        settles_within=SETTLES,
        patience=PATIENCE,
    )


def test_a_sighting_is_the_message_at_any_time() -> None:
    early = decide(Seen(sightings=(SIGHTING,)), EARLY)
    late = decide(Seen(sightings=(SIGHTING,)), OVER)
    assert isinstance(early, ItWent)
    assert isinstance(late, ItWent)
    assert early.candidates == late.candidates == (SIGHTING,)
    assert isinstance(early.otherwise, AskAgain)
    assert late.otherwise == SendAgain()


def test_absence_proves_nothing_while_the_call_may_still_have_an_effect() -> None:
    assert decide(Seen(), OVER - MOMENT) == AskAgain(after=MOMENT, heard=Heard.ABSENT)


def test_absence_afterwards_means_send() -> None:
    assert decide(Seen(), OVER) == SendAgain()


def test_absence_proves_nothing_while_the_provider_may_just_have_woken() -> None:
    hours = timedelta(hours=3)
    assert isinstance(decide(Seen(), hours, ZERO), AskAgain)
    assert decide(Seen(), hours, SETTLES - MOMENT) == AskAgain(after=MOMENT, heard=Heard.ABSENT)
    assert decide(Seen(), hours, SETTLES) == SendAgain()


def test_a_provider_that_could_not_be_asked_has_not_said_that_it_is_absent() -> None:
    decision = decide(CannotAsk(reason="away"), EARLY)
    assert isinstance(decision, AskAgain)
    assert decision.heard is Heard.NOTHING


def test_absence_that_is_not_clear_means_a_person_decides() -> None:
    assert decide(Seen(unclear=True), OVER) == Uncertain(reason=Reason.ANSWER_UNKNOWN)


def test_a_provider_that_can_never_be_asked_means_a_person_decides() -> None:
    assert decide(CannotAsk(reason="404", lasting=True), EARLY) == Uncertain(reason=Reason.CANNOT_ASK)


def test_a_provider_that_is_away_is_asked_again_until_patience_ends() -> None:
    away = CannotAsk(reason="away")
    assert isinstance(decide(away, PATIENCE, unheard_for=PATIENCE - MOMENT), AskAgain)
    assert decide(away, PATIENCE, unheard_for=PATIENCE) == Uncertain(reason=Reason.CANNOT_ASK)


def test_one_question_without_an_answer_ends_no_patience_however_long_ago_the_mark_is() -> None:
    assert isinstance(decide(CannotAsk(reason="away"), timedelta(days=1)), AskAgain)


def test_questions_become_more_seldom_and_one_falls_on_the_moment_of_certainty() -> None:
    passed, pauses = timedelta(0), []
    while isinstance(decision := decide(Seen(), passed), AskAgain):
        pauses.append(decision.after.total_seconds())
        passed += decision.after
    assert passed == OVER
    assert pauses[0] == 2
    assert len(pauses) < 15


@given(
    since=st.timedeltas(ZERO, timedelta(hours=3)),
    absent_for=st.timedeltas(ZERO, timedelta(hours=1)),
    answer=st.one_of(
        st.builds(Seen, unclear=st.booleans()),
        st.builds(CannotAsk, reason=st.just("x"), lasting=st.booleans()),
    ),
)
def test_nothing_is_sent_again_unless_absence_is_clear_and_settled(
    since: timedelta, absent_for: timedelta, answer: SearchAnswer
) -> None:
    decision = decide(answer, since, absent_for)
    may_send = isinstance(answer, Seen) and not answer.unclear and since >= OVER and absent_for >= SETTLES
    assert isinstance(decision, SendAgain) == may_send
    if isinstance(decision, AskAgain):
        assert decision.after > ZERO
