"""What to ask about leads, and what the answers make of them."""

from collections.abc import Mapping

import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.handles import Service, normal_email, normal_phone
from libs.common.providers.checking import AvailabilityAnswer
from libs.common.stores.leads import AvailabilityStatus, LeadAnswer, LeadContact
from services.availability.worklist import Worklist

P, Q, E, F = "+12125550101", "+12125550102", "e@example.com", "f@example.com"
YES = AvailabilityAnswer(available=True, service=Service.IMESSAGE)
NO = AvailabilityAnswer(available=False)


def lead(phone: str | None = None, email: str | None = None, answer: LeadAnswer | None = None) -> LeadContact:
    return LeadContact(lead_id=ObjectId(), phone=phone, email=email, answer=answer)


def work_off(worklist: Worklist, reachable: Mapping[str, bool]) -> tuple[list[str], dict[ObjectId, LeadAnswer]]:
    """Asks everything; answers the handles asked, in order, and the leads' answers."""
    asked: list[str] = []
    answers: dict[ObjectId, LeadAnswer] = {}
    while handles := worklist.take_to_ask():
        asked += handles
        for handle in handles:
            worklist.answered(handle, "line", YES if reachable.get(handle) else NO)
    for answer in worklist.take_finished():
        assert answer.lead_id not in answers
        answers[answer.lead_id] = answer
    return asked, answers


def test_a_phone_that_can_be_reached_ends_it() -> None:
    person = lead(P, E)
    asked, answers = work_off(Worklist([person], region="US"), {P: True, E: True})
    assert asked == [P]
    assert answers[person.lead_id] == LeadAnswer(
        lead_id=person.lead_id,
        status=AvailabilityStatus.AVAILABLE,
        service=Service.IMESSAGE,
        handle=P,
        line_id="line",
    )


def test_the_email_is_asked_after_a_phone_that_cannot_be_reached() -> None:
    person = lead(P, E)
    asked, answers = work_off(Worklist([person], region="US"), {E: True})
    assert asked == [P, E]
    assert (answers[person.lead_id].status, answers[person.lead_id].handle) == (AvailabilityStatus.AVAILABLE, E)


def test_a_lead_that_cannot_be_reached_at_all_is_shown_with_its_phone() -> None:
    person = lead(P, E)
    asked, answers = work_off(Worklist([person], region="US"), {})
    assert asked == [P, E]
    assert (answers[person.lead_id].status, answers[person.lead_id].handle) == (AvailabilityStatus.UNAVAILABLE, P)


def test_a_malformed_phone_falls_to_the_email() -> None:
    person = lead("n/a", E)
    asked, answers = work_off(Worklist([person], region="US"), {E: True})
    assert asked == [E]
    assert answers[person.lead_id].status is AvailabilityStatus.AVAILABLE


@pytest.mark.parametrize(
    ("phone", "email", "reason"),
    [
        (None, None, "no_contact"),
        ("n/a", None, "invalid_phone"),
        (None, "nobody", "invalid_email"),
        ("n/a", "nobody", "invalid_phone"),
    ],
)
def test_a_lead_that_cannot_be_asked_about_is_invalid(phone: str | None, email: str | None, reason: str) -> None:
    person = lead(phone, email)
    asked, answers = work_off(Worklist([person], region="US"), {})
    assert asked == []
    assert answers[person.lead_id] == LeadAnswer(
        lead_id=person.lead_id, status=AvailabilityStatus.INVALID, reason=reason
    )


def test_leads_that_share_a_handle_share_its_answer() -> None:
    people = [lead("(212) 555-0101"), lead(P, E), lead("1-212-555-0101", "E@example.com")]
    asked, answers = work_off(Worklist(people, region="US"), {})
    assert asked == [P, E]
    assert {answer.status for answer in answers.values()} == {AvailabilityStatus.UNAVAILABLE}
    assert len(answers) == 3


def test_a_handle_that_one_has_as_first_and_another_as_second_is_asked_once() -> None:
    asked, answers = work_off(Worklist([lead(P, E), lead(None, E), lead(Q, E)], region="US"), {Q: True})
    assert sorted(asked) == sorted([P, Q, E])
    assert len(answers) == 3


def test_a_lead_whose_handle_nobody_could_answer_is_unknown_with_the_reason() -> None:
    person = lead(P, E)
    worklist = Worklist([person], region="US")
    worklist.given_up(worklist.take_to_ask()[0], "timeout")
    assert worklist.take_finished() == [
        LeadAnswer(lead_id=person.lead_id, status=AvailabilityStatus.UNKNOWN, handle=P, reason="timeout")
    ]
    assert worklist.done


def test_a_lead_answered_before_is_not_asked_about_and_its_answer_serves_others() -> None:
    before = lead(P)
    stored = LeadAnswer(
        lead_id=before.lead_id, status=AvailabilityStatus.AVAILABLE, handle=P, service=Service.IMESSAGE, line_id="other"
    )
    other = lead(P, E)
    worklist = Worklist([other, lead(P, answer=stored)], region="US")
    asked, answers = work_off(worklist, {})
    assert asked == []
    assert (answers[other.lead_id].status, answers[other.lead_id].line_id) == (AvailabilityStatus.AVAILABLE, "other")
    assert worklist.answered_before == [stored]


def test_an_unknown_answer_of_before_says_nothing_of_the_handle() -> None:
    stored = LeadAnswer(lead_id=ObjectId(), status=AvailabilityStatus.UNKNOWN, handle=P, reason="timeout")
    asked, _ = work_off(Worklist([lead(P, answer=stored), lead(P)], region="US"), {})
    assert asked == [P]


_LEADS = st.lists(
    st.builds(
        lead,
        st.sampled_from([None, P, Q, "(212) 555-0102", "bad"]),
        st.sampled_from([None, E, F, "F@EXAMPLE.COM", "bad"]),
    ),
    max_size=25,
)


@given(_LEADS, st.sets(st.sampled_from([P, Q, E, F])))
@settings(max_examples=300)
def test_every_lead_is_answered_once_and_rightly_and_no_handle_is_asked_twice(
    people: list[LeadContact], reachable: set[str]
) -> None:
    worklist = Worklist(people, region="US")
    asked, answers = work_off(worklist, dict.fromkeys(reachable, True))
    assert len(asked) == len(set(asked))
    assert set(answers) == {person.lead_id for person in people}
    assert worklist.done
    for person in people:
        phone = normal_phone(person.phone or "", region="US")
        email = normal_email(person.email or "")
        given_handles = [handle for handle in (phone, email) if handle]
        found = [handle for handle in given_handles if handle in reachable]
        answer = answers[person.lead_id]
        if not given_handles:
            assert answer.status is AvailabilityStatus.INVALID
        elif found:
            assert (answer.status, answer.handle) == (AvailabilityStatus.AVAILABLE, found[0])
        else:
            assert (answer.status, answer.handle) == (AvailabilityStatus.UNAVAILABLE, given_handles[0])
