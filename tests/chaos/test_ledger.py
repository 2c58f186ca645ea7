"""The count itself: what is lost, repeated or made up shows."""

import pytest

from tests.chaos.ledger import Observed, Share, tally
from tests.chaos.owed import Accepted, Kind, Owed

M1, M2, L1 = Owed(Kind.MESSAGE, "m1"), Owed(Kind.MESSAGE, "m2"), Owed(Kind.LEAD, "l1")
ACCEPTED = Accepted(owed={M1: 10.0, M2: 11.0, L1: 12.0})
ONCE = {M1: [13.0], M2: [14.0], L1: [15.0]}


def without(*missing: Owed) -> dict[Owed, list[float]]:
    return {each: times for each, times in ONCE.items() if each not in missing}


def test_what_happened_once_and_was_promised_is_clean() -> None:
    count = tally(ACCEPTED, Observed(happened=ONCE), [])
    assert count.clean
    assert (count.accepted, count.effects) == (3, 3)


def test_a_message_that_did_not_go_out_is_lost() -> None:
    count = tally(ACCEPTED, Observed(happened=without(M2)), [])
    assert (count.lost, count.clean) == (1, False)


def test_a_message_parked_for_a_person_is_not_lost_but_shown() -> None:
    count = tally(ACCEPTED, Observed(happened=without(M2), parked=frozenset({M2})), [])
    assert (count.lost, count.parked) == (0, 1)


def test_a_lead_without_an_answer_is_lost() -> None:
    count = tally(ACCEPTED, Observed(happened=without(L1)), [])
    assert (count.lost, count.clean) == (1, False)


def test_a_message_that_went_out_twice_is_repeated() -> None:
    count = tally(ACCEPTED, Observed(happened={**ONCE, M1: [13.0, 13.5]}), [])
    assert (count.repeated, count.clean) == (1, False)


def test_a_tick_that_was_carried_out_twice_is_repeated() -> None:
    tick = Owed(Kind.TICK, "health-check@12:00")
    count = tally(Accepted(owed={tick: 10.0}), Observed(happened={tick: [11.0, 12.0]}), [])
    assert (count.repeated, count.clean) == (1, False)


def test_an_effect_that_nobody_asked_for_is_a_phantom() -> None:
    count = tally(ACCEPTED, Observed(happened={**ONCE, Owed(Kind.CONTACT, "c1"): [15.0]}), [])
    assert (count.phantom, count.clean) == (1, False)


def test_the_counts_are_there_by_kind_as_well() -> None:
    count = tally(ACCEPTED, Observed(happened=without(M2)), [])
    assert count.shares == {Kind.MESSAGE: Share(accepted=2, effects=1, lost=1), Kind.LEAD: Share(accepted=1, effects=1)}


def test_recovery_is_the_wait_of_what_an_injury_met_under_way() -> None:
    count = tally(ACCEPTED, Observed(happened={**ONCE, M2: [18.5]}), [11.5])
    assert count.recovery_s == pytest.approx((7.0, 7.0, 7.0))


def test_a_moment_that_a_wrong_clock_told_is_no_measure_of_recovery() -> None:
    count = tally(ACCEPTED, Observed(happened={**ONCE, M2: [131.0]}, until=20.0), [11.5])
    assert count.recovery_s == pytest.approx((1.5, 1.5, 1.5))


def test_the_longest_gap_starts_with_the_first_promise() -> None:
    assert tally(ACCEPTED, Observed(happened=ONCE), []).longest_gap_s == pytest.approx(3.0)
