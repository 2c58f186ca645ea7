"""A check from leads to stored answers, with lines that answer as they are told."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.common.errors import StoreUnavailable
from libs.common.providers.checking import AvailabilityAnswer
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.stores.leads import LeadContact
from libs.common.stores.lines import HealthStatus
from services.availability.pacing import Reserved, Wanted
from services.availability.request import CheckRules, Request
from tests.unit.availability.world import (
    RUN,
    WORKSPACE,
    FakeLine,
    StingyPacer,
    always,
    contact,
    people,
    world,
)

P, E = "+12125550101", "e@example.com"
UNKNOWN_TO_ALL = (
    FaultReason.IMESSAGE_ERROR,
    FaultReason.SERVER_ERROR,
    FaultReason.TIMEOUT,
    FaultReason.REFUSED,
    FaultReason.GATEWAY_ERROR,
    FaultReason.RATE_LIMITED,
)


def test_every_lead_gets_its_answer_and_every_handle_is_asked_once() -> None:
    leads = [*people(300), contact(P), contact("(212) 555-0101", E), contact(), contact("n/a")]
    lines = [FakeLine("a", {P}), FakeLine("b", {P})]
    it = world(leads, lines)
    report = it.check()
    assert len(it.leads.stored) == len(leads) == len(report.answers)
    assert set(it.asked.values()) == {1}
    assert len(it.asked) == 301 == report.calls
    assert [it.status(lead) for lead in leads[-4:]] == ["available", "available", "invalid", "invalid"]
    assert max(it.leads.writes.values()) == 1


def test_questions_are_spread_over_the_lines() -> None:
    lines = [FakeLine("a"), FakeLine("b"), FakeLine("c", rate=2e6)]
    world(people(200), lines).check()
    assert [len(line.asked) for line in lines] == [50, 50, 100]


def test_no_more_questions_are_under_way_at_a_line_than_allowed() -> None:
    line = FakeLine("a", latency_s=0.005)
    world(people(100), [line], at_once=7).check()
    assert line.most_under_way == 7


def test_a_line_that_is_down_is_not_asked_while_there_is_another() -> None:
    lines = [FakeLine("a", health=HealthStatus.DOWN), FakeLine("b", health=HealthStatus.DEGRADED)]
    world(people(20), lines).check()
    assert [len(line.asked) for line in lines] == [0, 20]


def test_lines_that_were_all_seen_down_are_asked_all_the_same() -> None:
    line = FakeLine("a", health=HealthStatus.DOWN)
    world(people(5), [line]).check()
    assert len(line.asked) == 5


@pytest.mark.parametrize("reason", list(FaultReason))
def test_a_lines_fault_is_never_the_leads_another_line_is_asked(reason: FaultReason) -> None:
    leads = [contact(P), *people(20)]
    lines = [FakeLine("broken", fault=always(reason)), FakeLine("fine", {P})]
    it = world(leads, lines)
    report = it.check()
    assert it.status(leads[0]) == "available"
    assert {it.status(lead) for lead in leads[1:]} == {"unavailable"}
    assert report.open_faults == {}
    assert {answer.line_id for answer in it.leads.stored.values()} == {"fine"}


@pytest.mark.parametrize("reason", UNKNOWN_TO_ALL)
def test_what_no_line_can_answer_is_left_for_another_attempt(reason: FaultReason) -> None:
    lead = contact(P, E)
    it = world([lead], [FakeLine("a", fault=always(reason)), FakeLine("b", fault=always(reason))])
    report = it.check()
    assert report.open_faults == {reason.value: 1}
    assert it.leads.stored == {}
    assert [line.asked for line in it.lines] == [[P], [P]]


@pytest.mark.parametrize("reason", UNKNOWN_TO_ALL)
def test_on_the_last_attempt_it_is_unknown_with_the_lines_reason(reason: FaultReason) -> None:
    lead = contact(P, E)
    it = world([lead], [FakeLine("a", fault=always(reason))])
    report = it.check(last_chance=True)
    answer = it.leads.stored[lead.lead_id]
    assert (answer.status.value, answer.reason, answer.handle) == ("unknown", reason.value, P)
    assert report.open_faults == {}


def test_a_fault_that_only_a_person_can_mend_is_not_tried_again() -> None:
    it = world(people(3), [FakeLine("a", fault=always(FaultReason.AUTHENTICATION))])
    report = it.check()
    assert {answer.reason for answer in it.leads.stored.values()} == {"authentication"}
    assert report.open_faults == {}


def test_with_one_line_mended_by_a_person_only_and_one_that_may_heal_it_is_tried_again() -> None:
    lines = [
        FakeLine("a", fault=always(FaultReason.AUTHENTICATION)),
        FakeLine("b", fault=always(FaultReason.TIMEOUT)),
    ]
    report = world([contact(P)], lines).check()
    assert sum(report.open_faults.values()) == 1


def test_without_any_line_leads_are_unknown() -> None:
    leads = [contact(P), contact()]
    it = world(leads, [])
    it.check()
    assert [it.status(lead) for lead in leads] == ["unknown", "invalid"]
    assert it.leads.stored[leads[0].lead_id].reason == "no_line"


def test_one_handle_that_breaks_a_server_does_not_cost_the_others_their_answers() -> None:
    def breaks(handle: str) -> LineFault | None:
        return LineFault(FaultReason.SERVER_ERROR) if handle == P else None

    leads = [contact(P), *people(50)]
    it = world(leads, [FakeLine("a", fault=breaks), FakeLine("b", fault=breaks)])
    report = it.check()
    assert report.open_faults == {"server_error": 1}
    assert len(it.leads.stored) == 50


def test_a_line_that_keeps_faulting_is_set_aside() -> None:
    broken = FakeLine("a", fault=always(FaultReason.REFUSED), latency_s=0.001)
    it = world(people(400), [broken, FakeLine("b", latency_s=0.001)], at_once=8)
    it.check()
    assert len(it.leads.stored) == 400
    assert len(broken.asked) <= 5 + 8


def test_when_all_lines_are_set_aside_it_says_when_one_is_back() -> None:
    it = world(people(40), [FakeLine("a", fault=always(FaultReason.REFUSED), latency_s=0.001)], at_once=4)
    report = it.check()
    assert sum(report.open_faults.values()) == 40
    assert report.retry_in is not None
    assert 4 < report.retry_in.total_seconds() <= 5


def test_what_is_stored_is_not_asked_again() -> None:
    leads = people(30)
    it = world(leads, [FakeLine("a")])
    it.check([lead.lead_id for lead in leads[:10]])
    report = it.check()
    assert set(it.asked.values()) == {1}
    assert report.calls == 20
    assert len(report.answers) == 30


def test_unknown_ids_are_left_out() -> None:
    it = world([], [FakeLine("a")])
    assert it.check([contact().lead_id]).answers == []


def test_answers_are_stored_in_slices_while_others_are_asked() -> None:
    it = world(people(500), [FakeLine("a", latency_s=0.002)], rules=CheckRules(region="US", slice_size=50), at_once=10)
    it.check()
    assert sum(it.leads.slices) == 500
    assert len(it.leads.slices) > 4


def test_answers_do_not_wait_long_for_a_slice_to_be_full() -> None:
    it = world(people(8), [FakeLine("a", latency_s=0.4)], at_once=1)
    it.check()
    assert len(it.leads.slices) > 1


def test_what_the_rates_do_not_permit_is_left_for_later() -> None:
    pacer = StingyPacer(30, back_in_s=20)
    it = world(people(100), [FakeLine("a"), FakeLine("b")], pacer=pacer)
    report = it.check()
    assert len(it.leads.stored) == 30
    assert report.back_in is not None
    assert 10 < report.back_in.total_seconds() <= 20
    assert pacer.queued == [70]


def test_a_request_that_cannot_wait_says_that_the_lines_are_busy() -> None:
    it = world(people(4), [FakeLine("a")], pacer=StingyPacer(1))
    report = it.check(may_wait=False, last_chance=True)
    assert sorted(answer.reason or "" for answer in report.answers) == ["", "lines_busy", "lines_busy", "lines_busy"]
    assert report.back_in is None


@pytest.mark.alone
def test_questions_start_at_their_lines_pace() -> None:
    line = FakeLine("a", rate=50)
    world(people(30), [line]).check()
    gaps = [later - earlier for earlier, later in zip(line.asked_at, line.asked_at[1:], strict=False)]
    assert min(gaps) > 0.01
    assert line.asked_at[-1] - line.asked_at[0] == pytest.approx(29 / 50, rel=0.25)


@pytest.mark.alone
def test_two_checks_at_once_keep_one_pace() -> None:
    line = FakeLine("a", rate=100)
    leads = people(60)
    it = world(leads, [line])

    async def both() -> None:
        half = [
            Request(workspace_id=WORKSPACE, lead_ids=[lead.lead_id for lead in part], run_id=RUN)
            for part in (leads[:30], leads[30:])
        ]
        await asyncio.gather(*[it.checker.check(request) for request in half])

    asyncio.run(both())
    assert line.asked_at[-1] - line.asked_at[0] == pytest.approx(59 / 100, rel=0.25)
    assert set(it.asked.values()) == {1}


def test_a_check_that_is_cancelled_keeps_what_was_answered_and_asks_no_more() -> None:
    line = FakeLine("a", latency_s=0.01)
    it = world(people(500), [line], at_once=5)

    async def cancel_midway() -> None:
        request = Request(workspace_id=WORKSPACE, lead_ids=list(it.leads.known), run_id=RUN)
        task = asyncio.create_task(it.checker.check(request))
        await line.asked_so_many(50)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        asked = len(line.asked)
        await asyncio.sleep(0.05)
        assert len(line.asked) <= asked + 1

    asyncio.run(cancel_midway())
    assert 0 < len(it.leads.stored) < 100
    assert len(line.asked) - len(it.leads.stored) <= 5 + 1


def test_answers_are_kept_when_the_pace_can_no_longer_be_asked_for() -> None:
    class GoesAway(StingyPacer):
        async def reserve(self, wanted: Sequence[Wanted], *, horizon_s: float) -> list[Reserved]:
            if not self.left:
                raise StoreUnavailable("redis", "away")
            return await super().reserve(wanted, horizon_s=horizon_s)

    it = world(people(50), [FakeLine("a")], pacer=GoesAway(20))
    with pytest.raises(StoreUnavailable):
        it.check()
    assert len(it.leads.stored) == 20


def test_an_adapter_that_breaks_costs_no_lead_its_answer() -> None:
    class Broken(FakeLine):
        async def check(self, handle: str) -> AvailabilityAnswer:
            raise RuntimeError("a bug")

    it = world([contact(P)], [Broken("a"), FakeLine("b", {P})])
    it.check()
    assert [answer.status.value for answer in it.leads.stored.values()] == ["available"]


def test_an_email_is_asked_at_a_line_that_takes_emails() -> None:
    phones_only = FakeLine("a", fault=lambda handle: LineFault(FaultReason.UNSUPPORTED) if "@" in handle else None)
    leads: list[LeadContact] = [contact(None, f"p{n}@example.com") for n in range(20)]
    it = world(leads, [phones_only, FakeLine("b", {"p3@example.com"})])
    it.check()
    assert it.status(leads[3]) == "available"
    assert it.status(leads[4]) == "unavailable"
