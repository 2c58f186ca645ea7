"""The count itself: what is lost, repeated or made up shows."""

import pytest

from tests.chaos.ledger import Observed, tally
from tests.chaos.work import Accepted

ACCEPTED = Accepted(messages={"m1": 10.0, "m2": 11.0}, leads={"l1": 12.0})


def observed(
    deliveries: dict[str, list[float]] | None = None,
    answers: dict[str, float] | None = None,
    uncertain: frozenset[str] = frozenset(),
) -> Observed:
    return Observed(
        deliveries={"m1": [13.0], "m2": [14.0]} if deliveries is None else deliveries,
        answers={"l1": 15.0} if answers is None else answers,
        uncertain=uncertain,
    )


def test_what_happened_once_and_was_promised_is_clean() -> None:
    count = tally(ACCEPTED, observed(), [])
    assert count.clean
    assert (count.accepted, count.effects) == (3, 3)


def test_a_message_that_did_not_go_out_is_lost() -> None:
    count = tally(ACCEPTED, observed(deliveries={"m1": [13.0]}), [])
    assert (count.lost, count.clean) == (1, False)


def test_a_message_parked_for_a_person_is_not_lost_but_shown() -> None:
    count = tally(ACCEPTED, observed(deliveries={"m1": [13.0]}, uncertain=frozenset({"m2"})), [])
    assert (count.lost, count.parked) == (0, 1)


def test_a_lead_without_an_answer_is_lost() -> None:
    count = tally(ACCEPTED, observed(answers={}), [])
    assert (count.lost, count.clean) == (1, False)


def test_a_message_that_went_out_twice_is_repeated() -> None:
    count = tally(ACCEPTED, observed(deliveries={"m1": [13.0, 13.5], "m2": [14.0]}), [])
    assert (count.repeated, count.clean) == (1, False)


def test_an_effect_that_nobody_asked_for_is_a_phantom() -> None:
    count = tally(ACCEPTED, observed(answers={"l1": 15.0, "l2": 15.0}), [])
    assert (count.phantom, count.clean) == (1, False)


def test_recovery_is_the_wait_of_what_an_injury_met_under_way() -> None:
    count = tally(ACCEPTED, observed(deliveries={"m1": [13.0], "m2": [18.5]}), [11.5])
    assert count.recovery_s == pytest.approx((7.0, 7.0, 7.0))


def test_the_longest_gap_starts_with_the_first_promise() -> None:
    assert tally(ACCEPTED, observed(), []).longest_gap_s == pytest.approx(3.0)
