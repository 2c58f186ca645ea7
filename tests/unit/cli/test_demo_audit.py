"""The audit of a run finds every number that does not add up."""

from dataclasses import replace

import pytest

from libs.cli.demo.audit import Answer, Check, Evidence, audit, must_be, must_be_asked
from libs.cli.demo.people import Person

REACHABLE = {"+12125550101", "c@example.com"}

PEOPLE = [
    Person(written={}, phone="+12125550101", email="a@example.com"),
    Person(written={}, phone="+12125550102", email="b@example.com"),
    Person(written={}, phone="+12125550102", email="c@example.com"),
    Person(written={}, email="c@example.com"),
    Person(written={}),
]

GOOD = Evidence(
    job_id="run",
    people=PEOPLE,
    answers=[
        Answer(status="available", run_id="run", handle="+12125550101"),
        Answer(status="unavailable", run_id="run", handle="+12125550102"),
        Answer(status="available", run_id="run", handle="c@example.com"),
        Answer(status="available", run_id="run", handle="c@example.com"),
        Answer(status="invalid", run_id="run"),
    ],
    stored=5,
    reported={"total": 5, "checked": 5, "available": 3, "unavailable": 1, "unknown": 0, "invalid": 1},
    calls={"+12125550101": 1, "+12125550102": 1, "b@example.com": 1, "c@example.com": 1},
)


def reachable(handle: str) -> bool:
    return handle in REACHABLE


def failed(evidence: Evidence) -> list[Check]:
    return [check for check in audit(evidence, reachable) if not check.holds]


def with_answer(place: int, answer: Answer) -> Evidence:
    answers = [*GOOD.answers]
    answers[place] = answer
    return replace(GOOD, answers=answers)


def test_a_run_as_it_should_be_passes() -> None:
    assert failed(GOOD) == []


def test_phones_are_asked_about_first_and_emails_only_where_they_matter() -> None:
    assert must_be_asked(PEOPLE, reachable) == {"+12125550101", "+12125550102", "b@example.com", "c@example.com"}


def test_outcomes_follow_from_what_the_provider_knows() -> None:
    outcomes = [must_be(person, reachable) for person in PEOPLE]
    assert outcomes == ["available", "unavailable", "available", "available", "invalid"]


def test_a_repeat_in_a_chunk_that_the_killed_worker_held_is_allowed() -> None:
    evidence = replace(GOOD, calls={**GOOD.calls, "b@example.com": 2}, in_hand={"b@example.com"})

    assert failed(evidence) == []


@pytest.mark.parametrize(
    ("evidence", "claim"),
    [
        (with_answer(0, Answer()), "exactly one answer"),
        (with_answer(0, Answer(status="available", run_id="another run")), "exactly one answer"),
        (with_answer(0, Answer(status="unavailable", run_id="run")), "what the provider knows"),
        (with_answer(4, Answer(status="unknown", run_id="run")), "what the provider knows"),
        (replace(GOOD, stored=6), "leads in MongoDB"),
        (replace(GOOD, reported={**GOOD.reported, "available": 2}), "available leads as the job counted them"),
        (replace(GOOD, reported={**GOOD.reported, "unknown": 1}), "over all outcomes"),
        (replace(GOOD, reported={}), "over all outcomes"),
        (replace(GOOD, calls={**GOOD.calls, "b@example.com": 2}), "repeated calls outside"),
        (
            replace(GOOD, calls={**GOOD.calls, "b@example.com": 2}, in_hand={"c@example.com"}),
            "repeated calls outside",
        ),
        (replace(GOOD, calls={"+12125550101": 1}), "handles that had to be asked about"),
        (replace(GOOD, calls={**GOOD.calls, "a@example.com": 1}), "asked about in vain"),
        (replace(GOOD, unfinished=1), "jobs left"),
        (replace(GOOD, dead=1), "dead letters"),
    ],
)
def test_each_number_that_does_not_add_up_is_found(evidence: Evidence, claim: str) -> None:
    assert any(claim in check.claim for check in failed(evidence)), failed(evidence)
