"""Runs from the accepted job to the stored answers, on real servers, checked against the provider's own counts."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from bson import ObjectId

from libs.common.broker.enqueue import job_from
from libs.common.clock import SystemClock
from libs.common.errors import Permanent
from libs.common.handles import normal_email, normal_phone
from libs.common.ids import new_job_id
from libs.common.jobs.bulk_availability import (
    AVAILABILITY_CHUNK,
    BULK_AVAILABILITY,
    AvailabilityChunk,
    BulkAvailability,
)
from libs.common.offload import Offload
from libs.common.settings import Secret
from libs.common.stores.leads import LeadStore
from libs.common.stores.mongo import Document
from libs.simulators.bluebubbles import BlueBubblesSimulator
from services.availability import planning
from services.availability.checking import Checker
from services.availability.planning import Planner
from services.availability.request import Report, Request
from tests.integration.availability.workshop import ENDPOINT, WORKSPACE, Workshop
from tests.waiting import wait_until

Contacts = Sequence[tuple[object, object]]
PERSON, MAIL = "+12125550123", "ann@example.com"


def crowd(number: int, *, seed: int = 1) -> list[tuple[object, object]]:
    """People as CRMs know them: shared households, several spellings, gaps and nonsense."""
    chance = random.Random(seed)
    people: list[tuple[object, object]] = []
    for n in range(number):
        area, line = 212 + n % 3, f"{chance.randrange(number):04d}"
        phone = chance.choice(
            [f"+1{area}555{line}", f"({area}) 555-{line}", f"1-{area}-555-{line}", None, "n/a", f"+1{area}555{line}"]
        )
        email = chance.choice([f"p{chance.randrange(number)}@example.com", f"P{n}@Example.com", None, "nobody@"])
        people.append((phone, email))
    return people


def expected(people: Contacts, simulator: BlueBubblesSimulator) -> tuple[list[str], set[str]]:
    """What each lead must come to, and which handles must be asked about."""
    statuses, handles = [], set()
    for phone_text, email_text in people:
        phone = normal_phone(str(phone_text), region="US") if phone_text else None
        email = normal_email(str(email_text)) if email_text else None
        reachable = [handle for handle in (phone, email) if handle and _reachable(simulator, handle)]
        handles |= {phone} if phone else set()
        if email and not (phone and _reachable(simulator, phone)):
            handles.add(email)
        statuses.append("available" if reachable else "unavailable" if phone or email else "invalid")
    return statuses, {handle for handle in handles if handle}


def _reachable(simulator: BlueBubblesSimulator, handle: str) -> bool:
    return simulator.state.availability.of(handle) == "available"


def stored(workshop: Workshop, lead_ids: Sequence[str], run_id: str) -> list[str]:
    """The stored statuses of a run, in the order of the ids."""
    ids = [ObjectId(lead_id) for lead_id in lead_ids]
    found = {lead["_id"]: lead["availability"] for lead in workshop.database.leads.find({"_id": {"$in": ids}})}
    assert {availability["runId"] for availability in found.values()} == {run_id}
    return [found[lead_id]["status"] for lead_id in ids]


def test_every_lead_of_a_run_gets_its_answer_and_every_handle_is_asked_once(
    workshop: Workshop, simulator: BlueBubblesSimulator
) -> None:
    people = crowd(1_000)
    workshop.add_lines(simulator)
    lead_ids = workshop.add_leads(people)
    workshop.work()
    run_id = workshop.accept(lead_ids)
    view = workshop.finish(run_id)
    statuses, handles = expected(people, simulator)
    assert stored(workshop, lead_ids, run_id) == statuses
    calls = simulator.calls.per_key(ENDPOINT)
    assert set(calls) == handles
    assert set(calls.values()) == {1}
    assert min(simulator.calls.total(target=line.name) for line in simulator.lines) > len(handles) / 5
    counts = Counter(statuses)
    assert view.result["checked"] == view.result["total"] == 1_000
    assert {name: view.result[name] for name in counts} == counts
    assert view.result["unknown"] == view.result["notFound"] == 0
    assert view.children is not None
    assert (view.children.pending, view.children.failed) == (0, 0)
    assert view.progress is not None
    assert {name: view.progress[name] for name in ("checked", *counts)} == {"checked": 1_000, **counts}


def test_phone_comes_before_email(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    workshop.add_lines(simulator)
    simulator.set_availability(PERSON, True)
    simulator.set_availability("+12125550124", False)
    simulator.set_availability(MAIL, True)
    first, second = workshop.add_leads([(PERSON, "unasked@example.com"), ("+12125550124", MAIL)])
    workshop.run([first, second])
    assert [call.key for call in simulator.calls.select(endpoint=ENDPOINT)][-1] == MAIL
    assert set(simulator.calls.per_key(ENDPOINT)) == {PERSON, "+12125550124", MAIL}
    assert workshop.availability(first)["handle"] == PERSON
    assert workshop.availability(second)["handle"] == MAIL


def test_ids_that_are_no_leads_of_the_workspace_are_named(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    workshop.add_lines(simulator)
    own = workshop.add_leads([(PERSON, None)] * 20)
    foreign = workshop.add_leads([("+12125550199", None)], workspace="workspace-2")
    unknown = str(ObjectId())
    result = workshop.run([*own, *foreign, unknown, *own])
    assert (result["total"], result["checked"], result["notFound"]) == (22, 20, 2)
    assert set(result["notFoundIds"]) == {*foreign, unknown}
    assert set(simulator.calls.per_key(ENDPOINT)) == {PERSON}
    assert workshop.availability(foreign[0]) == {}


def test_a_run_without_any_lead_ends_at_once(workshop: Workshop) -> None:
    result = workshop.run([str(ObjectId()) for _ in range(300)])
    assert (result["total"], result["checked"], result["notFound"]) == (300, 0, 300)
    assert len(result["notFoundIds"]) == 100


def test_upper_case_ids_and_repeats_are_the_same_lead(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    workshop.add_lines(simulator)
    (lead_id,) = workshop.add_leads([(PERSON, None)])
    result = workshop.run([lead_id.upper(), lead_id] * 10)
    assert (result["total"], result["checked"]) == (1, 1)
    assert simulator.calls.per_key(ENDPOINT) == {PERSON: 1}


def test_without_lines_leads_are_unknown_and_the_result_says_why(workshop: Workshop) -> None:
    lead_ids = workshop.add_leads([(PERSON, None)] * 15)
    result = workshop.run(lead_ids)
    assert (result["unknown"], result["reasons"]) == (15, {"no_line": 15})
    assert workshop.availability(lead_ids[0])["reason"] == "no_line"


@pytest.mark.parametrize(
    "fault",
    [
        "unauthorized",
        "imessage_error",
        "server_error",
        "gateway_timeout",
        "reset",
        "hang",
        "truncated",
        "answer_lost",
        "http_429",
        "http_502",
        "http_503",
        "http_520",
        "http_530",
    ],
)
def test_a_line_that_faults_costs_no_lead_its_answer(
    workshop: Workshop, simulator: BlueBubblesSimulator, fault: str
) -> None:
    people = crowd(150)
    workshop.add_lines(simulator)
    simulator.set_fault(line=2, endpoint=ENDPOINT, fault=fault)
    lead_ids = workshop.add_leads(people)
    workshop.work()
    run_id = workshop.accept(lead_ids)
    assert workshop.finish(run_id).state == "completed"
    statuses, handles = expected(people, simulator)
    assert stored(workshop, lead_ids, run_id) == statuses
    answered = simulator.calls.per_key(ENDPOINT, answered=True)
    assert handles <= set(answered)
    assert simulator.faults.met(fault) > 0


@pytest.mark.alone
def test_with_one_of_two_lines_down_the_other_answers(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    people = crowd(200)
    for line in simulator.lines[:2]:
        workshop.add_line(line.server_url, line.password)
    simulator.take_down(1)
    lead_ids = workshop.add_leads(people)
    workshop.work()
    run_id = workshop.accept(lead_ids)
    workshop.finish(run_id)
    statuses, handles = expected(people, simulator)
    assert stored(workshop, lead_ids, run_id) == statuses
    assert simulator.calls.per_key(ENDPOINT) == dict.fromkeys(handles, 1)


def test_a_line_with_a_wrong_password_makes_leads_unknown_after_a_few_questions(
    workshop: Workshop, simulator: BlueBubblesSimulator
) -> None:
    workshop.add_line(simulator.lines[0].server_url, "wrong")
    lead_ids = workshop.add_leads([(f"+1646555{n:04d}", None) for n in range(500)])
    result = workshop.run(lead_ids)
    assert result["reasons"] == {"authentication": 500}
    assert simulator.calls.total(endpoint=ENDPOINT) < 200


def test_a_line_that_comes_back_is_asked_again(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    line = simulator.lines[0]
    workshop.add_line(line.server_url, line.password)
    simulator.take_down(1)
    lead_ids = workshop.add_leads([(f"+1646555{n:04d}", None) for n in range(40)])
    workshop.work()
    run_id = workshop.accept(lead_ids)

    def put_off() -> bool:
        return workshop.queue.stats().counts["delayed"] > 0

    wait_until(put_off, message="the chunk is put off")
    simulator.bring_up(1)
    result = workshop.finish(run_id, deadline_s=40).result
    assert result["unknown"] == 0
    assert result["checked"] == 40


def test_a_handle_that_no_server_can_answer_about_is_unknown_in_the_end(
    workshop: Workshop, simulator: BlueBubblesSimulator
) -> None:
    workshop.add_lines(simulator)
    simulator.set_availability(PERSON, "undetermined")
    lead_ids = workshop.add_leads([(PERSON, None), *((f"+1646555{n:04d}", None) for n in range(30))])
    result = workshop.run(lead_ids, deadline_s=60)
    assert (result["unknown"], result["reasons"]) == (1, {"server_error": 1})
    assert simulator.calls.repeated(ENDPOINT).keys() == {PERSON}


@pytest.mark.alone
def test_a_lines_rate_is_kept_by_the_whole_run(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    rate = 40
    for line in simulator.lines[:2]:
        workshop.add_line(line.server_url, line.password, limits={"checksPerSecond": rate})
    lead_ids = workshop.add_leads([(f"+1646555{n:04d}", None) for n in range(480)])
    workshop.work()
    workshop.work()
    run_id = workshop.accept(lead_ids)
    result = workshop.finish(run_id, deadline_s=60).result
    assert result["checked"] == 480
    assert set(simulator.calls.per_key(ENDPOINT).values()) == {1}
    for line in simulator.lines[:2]:
        # On a busy machine a call of each worker may arrive a little late, and so in the next second's window.
        assert simulator.calls.most_per_second(line.name) <= rate + 2
    calls = simulator.calls.select(endpoint=ENDPOINT)
    assert calls[-1].at - calls[0].at < 480 / (2 * rate) * 1.25


def test_a_persons_few_questions_do_not_wait_for_a_long_run(
    workshop: Workshop, simulator: BlueBubblesSimulator
) -> None:
    line = simulator.lines[0]
    workshop.add_line(line.server_url, line.password, limits={"checksPerSecond": 20})
    lead_ids = workshop.add_leads([(f"+1646555{n:04d}", None) for n in range(400)])
    few = workshop.add_leads([(f"+1917555{n:04d}", None) for n in range(5)])
    workshop.work()
    workshop.accept(lead_ids)
    wait_until(lambda: simulator.calls.total(endpoint=ENDPOINT) > 10, message="the run is on")
    result = direct(workshop, few)
    assert result["checked"] == 5
    assert result["unknown"] == 0
    assert simulator.calls.total(endpoint=ENDPOINT) < 200


def test_a_chunk_that_runs_again_asks_only_what_is_not_stored(
    workshop: Workshop, simulator: BlueBubblesSimulator
) -> None:
    workshop.add_lines(simulator)
    lead_ids = workshop.add_leads([(f"+1646555{n:04d}", None) for n in range(30)])
    workshop.work()
    chunk = AvailabilityChunk(run_id="run-1", lead_ids=lead_ids, workspace_id=WORKSPACE)
    for _ in range(2):
        job = job_from(AVAILABILITY_CHUNK, chunk, job_id=new_job_id())
        workshop.queue.add([msgspec.structs.replace(job, keep_count=10, keep_ms=60_000)])
        assert workshop.finish(job.job_id).state == "completed"
    assert simulator.calls.total(endpoint=ENDPOINT) == 30


def test_a_run_planned_again_gives_the_same_chunks_and_leaves_out_answered_ones(
    workshop: Workshop, simulator: BlueBubblesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 70)
    lead_ids = workshop.add_leads(crowd(400))
    offload = Offload(threads=2)
    planner = Planner(LeadStore(workshop.database, SystemClock()), offload, region="US", chunk_size=50)

    def plan() -> list[str]:
        made = asyncio.run(planner.plan(WORKSPACE, lead_ids, run_id="run-1"))
        return [job.job_id for job in made.jobs()]

    chunks = asyncio.run(planner.plan(WORKSPACE, random.Random(2).sample(lead_ids, len(lead_ids)), run_id="run-1"))
    first = plan()
    assert [job.job_id for job in chunks.jobs()] == first
    done = next(iter(chunks.jobs())).data["leadIds"]
    workshop.database.leads.update_many(
        {"_id": {"$in": [ObjectId(lead_id) for lead_id in done]}},
        {"$set": {"availability": {"status": "available", "runId": "run-1"}}},
    )
    again = asyncio.run(planner.plan(WORKSPACE, lead_ids, run_id="run-1"))
    assert [job.job_id for job in again.jobs()] == first[1:]
    assert again.counts == {"available": len(done), "checked": len(done)}
    offload.close()


def test_a_part_that_fails_for_good_costs_only_its_own_leads(
    workshop: Workshop, simulator: BlueBubblesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.add_lines(simulator)
    lead_ids = workshop.add_leads([(f"+1646555{n:04d}", None) for n in range(120)])
    check = Checker.check

    async def breaks_for_the_first_lead(checker: Checker, request: Request) -> Report:
        if ObjectId(lead_ids[0]) in request.lead_ids:
            raise Permanent("a bug")
        return await check(checker, request)

    monkeypatch.setattr(Checker, "check", breaks_for_the_first_lead)
    result = workshop.run(lead_ids)
    assert (result["total"], result["checked"], result["unknown"]) == (120, 120, 50)
    assert (result["failedChunks"], result["reasons"]) == (1, {"not_checked": 50})
    assert workshop.availability(lead_ids[0]) == {}
    assert workshop.queue.stats().counts["failed"] == 1


def test_redis_holds_no_lead_data(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    line = simulator.lines[0]
    workshop.add_line(line.server_url, line.password, limits={"checksPerSecond": 60})
    lead_ids = workshop.add_leads(
        [(f"+1646555{n:04d}", f"person{n}@example.com") for n in range(120)], firstName="Adelheid"
    )
    workshop.work()
    run_id = workshop.accept(lead_ids)
    dumps = []
    while (view := workshop.queue.get(run_id)) and view.state != "completed":
        dumps.append(everything_in(workshop))
    assert any(lead_ids[0].encode() in dump for dump in dumps)
    for dump in dumps:
        assert b"646555" not in dump
        assert b"example.com" not in dump
        assert b"Adelheid" not in dump
        assert line.password.encode() not in dump


def everything_in(workshop: Workshop) -> bytes:
    """Every key and value of Redis."""
    redis: Any = workshop.redis
    return b"\n".join(key + (redis.dump(key) or b"") + read_plainly(redis, key) for key in redis.keys("*"))


def read_plainly(redis: Any, key: bytes) -> bytes:
    """A key's value as it would be read: a dump may be compressed."""
    readers: dict[bytes, Callable[[], object]] = {
        b"string": lambda: redis.get(key),
        b"hash": lambda: redis.hgetall(key),
        b"list": lambda: redis.lrange(key, 0, -1),
        b"set": lambda: redis.smembers(key),
        b"zset": lambda: redis.zrange(key, 0, -1),
        b"stream": lambda: redis.xrange(key),
        b"none": lambda: b"",
    }
    return repr(readers[redis.type(key)]()).encode()


def test_two_workspaces_use_their_own_lines(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    for number, line in enumerate(simulator.lines[:2], start=1):
        workshop.add_line(line.server_url, line.password, workspace=f"workspace-{number}")
    first = workshop.add_leads([(f"+1646555{n:04d}", None) for n in range(60)], workspace="workspace-1")
    second = workshop.add_leads([(f"+1917555{n:04d}", None) for n in range(60)], workspace="workspace-2")
    workshop.work()
    jobs = [workshop.accept(first, workspace="workspace-1"), workshop.accept(second, workspace="workspace-2")]
    for job_id in jobs:
        workshop.finish(job_id)
    for line, prefix in zip(simulator.lines[:2], ("+1646", "+1917"), strict=True):
        assert {call.key[:5] for call in simulator.calls.select(target=line.name, endpoint=ENDPOINT)} == {prefix}


def direct(workshop: Workshop, lead_ids: Sequence[str], *, workspace: str = WORKSPACE) -> Document:
    """The answer to a request that is checked at once."""
    service = workshop.build()
    payload = BulkAvailability(lead_ids=list(lead_ids), user_id="user-1", workspace_id=workspace)
    try:
        return asyncio.run(service.direct.run(new_job_id(), BULK_AVAILABILITY.dump(payload)))
    finally:
        service.close()


def test_a_few_leads_are_answered_at_once(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    line_ids = workshop.add_lines(simulator)
    simulator.set_availability(PERSON, True)
    simulator.set_availability(MAIL, False)
    yes, no, neither = workshop.add_leads([(PERSON, None), (None, MAIL), (None, None)])
    unknown = str(ObjectId())
    result = direct(workshop, [no, yes, unknown, neither, yes])
    assert {name: number for name, number in result.items() if name != "leads"} == {
        "total": 4,
        "checked": 3,
        "available": 1,
        "unavailable": 1,
        "unknown": 0,
        "invalid": 1,
        "notFound": 1,
    }
    leads = result["leads"]
    assert leads[0] == {
        "leadId": no,
        "status": "unavailable",
        "service": None,
        "handle": MAIL,
        "lineId": leads[0]["lineId"],
    }
    assert leads[0]["lineId"] in line_ids
    assert (leads[1]["status"], leads[1]["service"], leads[1]["handle"]) == ("available", "iMessage", PERSON)
    assert leads[2] == {"leadId": unknown, "status": "not_found"}
    assert leads[3]["reason"] == "no_contact"
    assert len(leads) == 4
    assert workshop.availability(yes)["status"] == "available"


def test_what_is_checked_at_once_meets_faults_like_a_run(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    workshop.add_lines(simulator)
    simulator.set_availability(PERSON, True)
    simulator.take_down(1)
    simulator.set_fault(line=2, endpoint=ENDPOINT, fault="http_502")
    (lead_id,) = workshop.add_leads([(PERSON, None)])
    assert direct(workshop, [lead_id])["leads"][0]["status"] == "available"
    simulator.set_fault(line=3, endpoint=ENDPOINT, fault="imessage_error")
    answer = direct(workshop, [lead_id])["leads"][0]
    assert answer["status"] == "unknown"
    assert answer["reason"] in {"refused", "gateway_error", "imessage_error"}


def test_checks_at_once_work_while_redis_is_away(workshop: Workshop, simulator: BlueBubblesSimulator) -> None:
    workshop.add_lines(simulator)
    simulator.set_availability(PERSON, True)
    (lead_id,) = workshop.add_leads([(PERSON, None)])
    workshop.settings = msgspec.structs.replace(workshop.settings, redis_url=Secret("redis://127.0.0.1:1"))
    assert direct(workshop, [lead_id])["available"] == 1
