"""Runs from their job to their end, on a real MongoDB and a source in memory."""

import asyncio
from datetime import timedelta

import pytest

from libs.common.errors import JobCancelled, LeaseLost, NotNow, Permanent, Retryable
from libs.common.jobs.integration_sync import IntegrationSync, SyncMode
from libs.common.stores.sync_runs import RunStatus
from services.sync.sources.contract import (
    AccessRefused,
    AuthRejected,
    NotThere,
    PositionLost,
    RateLimited,
    SourceUnavailable,
    WrongRequest,
)
from tests.integration.sync.world import MemorySource, World, comparable, people, person
from tests.waiting import wait_until


def counts_of(result: dict[str, object]) -> dict[str, int]:
    counts = result["counts"]
    assert isinstance(counts, dict)
    return {name: value for name, value in counts.items() if value}


def test_a_full_run_makes_a_lead_of_every_person(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    result = world.sync(integration_id, MemorySource(people(25)), job=job)
    assert counts_of(result) == {"fetched": 25, "created": 25}
    lead = next(lead for lead in world.leads() if lead["phone"] == "+14155550007")
    assert (lead["firstName"], lead["email"], lead["source"]["externalId"]) == ("First7", "p7@example.org", "7")
    run = world.run_of(job)
    assert (run.status, run.checkpoint.pages, run.checkpoint.done, run.total) == (RunStatus.COMPLETED, 3, True, 25)
    assert job.progress[-1] == {**result["counts"], "total": 25, "secondsLeft": 0}


def test_a_second_run_without_changes_writes_no_lead(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(25)))
    before = world.leads()
    result = world.sync(integration_id, MemorySource(people(25)))
    assert counts_of(result) == {"fetched": 25, "unchanged": 25}
    assert world.leads() == before


def test_a_change_at_the_source_changes_the_lead(world: World) -> None:
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(people(3)))
    rows = [*people(2), person(2, firstname="Zoë")]
    result = world.sync(integration_id, MemorySource(rows))
    assert counts_of(result) == {"fetched": 3, "updated": 1, "unchanged": 2}
    assert world.leads()[2]["firstName"] == "Zoë"


def test_an_incremental_run_reads_since_the_last_ones_start_and_overlaps(world: World) -> None:
    integration_id = world.integrate()
    source = MemorySource(people(30))
    job = world.new_job()
    world.sync(integration_id, source, SyncMode.INCREMENTAL, job=job)
    source.changed = {"4"}
    result = world.sync(integration_id, source, SyncMode.INCREMENTAL)
    assert source.begun_since == [None, world.run_of(job).started_at - source.overlap]
    assert counts_of(result) == {"fetched": 1, "unchanged": 1}


def test_a_dry_run_says_what_it_would_do_and_writes_no_lead(world: World) -> None:
    integration_id = world.integrate()
    known = world.write_lead(phone="(415) 555-0001")
    world.sync(integration_id, MemorySource([person(1)]))
    before = world.leads()
    job = world.new_job()
    rows = [person(1, firstname="New"), person(2), person(3, phone="call me", email=None)]
    result = world.sync(integration_id, MemorySource(rows), SyncMode.DRY_RUN, job=job)
    assert counts_of(result) == {"fetched": 3, "created": 1, "updated": 1, "failed": 1}
    assert world.leads() == before
    samples = {sample["does"]: sample for sample in world.run_of(job).samples}
    assert samples["update"]["leadId"] == known
    assert samples["update"]["after"]["firstName"] == "New"
    assert samples["create"]["after"]["phone"] == "+14155550002"


def test_a_dry_run_is_not_what_the_next_incremental_run_goes_on_from(world: World) -> None:
    integration_id = world.integrate()
    source = MemorySource(people(3))
    world.sync(integration_id, source, SyncMode.DRY_RUN)
    world.sync(integration_id, source, SyncMode.INCREMENTAL)
    assert source.begun_since == [None, None]


def test_bad_rows_are_recorded_with_their_reason_and_do_not_stop_the_run(world: World) -> None:
    integration_id = world.integrate()
    rows = [person(1), person(2, phone="call me", email=None), person(3, phone="call me"), person(4)]
    job = world.new_job()
    result = world.sync(integration_id, MemorySource(rows), job=job)
    assert counts_of(result) == {"fetched": 4, "created": 3, "failed": 1}
    problems = world.runs.problems_of(world.run_of(job).id)
    assert [(each["row"], each["field"], each["value"], each["reason"], each["fatal"]) for each in problems] == [
        ("2", "phone", "call me", "invalid_phone", True),
        ("3", "phone", "call me", "invalid_phone", False),
    ]


def test_a_run_whose_rows_look_wrong_stops_before_it_writes(world: World) -> None:
    integration_id = world.integrate()
    rows = [person(n, phone=f"x{n}", email=None) if n % 3 == 0 else person(n) for n in range(60)]
    job = world.new_job()
    with pytest.raises(Permanent, match="20 of 60 rows failed"):
        world.sync(integration_id, MemorySource(rows, page_rows=60), job=job)
    assert world.leads() == []
    assert world.run_of(job).status is RunStatus.SUSPICIOUS


def test_a_suspicious_run_begins_anew_when_its_job_is_run_again(world: World) -> None:
    integration_id = world.integrate()
    bad = [person(n, phone="x", email=None) for n in range(30)]
    job = world.new_job()
    with pytest.raises(Permanent):
        world.sync(integration_id, MemorySource([*people(40), *bad]), job=job)
    result = world.sync(integration_id, MemorySource(people(40)), job=job)
    assert counts_of(result) == {"fetched": 40, "unchanged": 40}
    assert world.runs.problems_of(world.run_of(job).id) == []


def test_more_failed_rows_may_be_allowed(world: World) -> None:
    integration_id = world.integrate(suspicious_share=1.0)
    rows = [person(n, phone="x", email=None) for n in range(30)]
    assert counts_of(world.sync(integration_id, MemorySource(rows))) == {"fetched": 30, "failed": 30}


def test_a_rate_limit_keeps_what_was_written_and_comes_back_at_its_time(world: World) -> None:
    integration_id = world.integrate()
    until = world.clock.now() + timedelta(hours=1)
    source = MemorySource(people(50), faults={3: RateLimited(until, "daily")})
    job = world.new_job()
    with pytest.raises(NotNow) as not_now:
        world.sync(integration_id, source, job=job)
    assert not_now.value.until == until
    assert len(world.leads()) == 30
    result = world.sync(integration_id, source, job=job)
    assert counts_of(result) == {"fetched": 50, "created": 50}
    assert source.reads == [0, 1, 2, 3, 3, 4]


def test_a_run_before_the_providers_time_does_not_even_open_the_source(world: World) -> None:
    integration_id = world.integrate()
    until = world.clock.now() + timedelta(hours=1)
    world.integrations.set_not_before(integration_id, until, at=world.clock.now())
    source = MemorySource(people(1))
    with pytest.raises(NotNow):
        world.sync(integration_id, source)
    assert source.reads == source.begun_since == []


@pytest.mark.parametrize(
    "fault", [AuthRejected("revoked"), AccessRefused("no scope"), NotThere("gone"), WrongRequest("no field x")]
)
def test_what_only_a_person_can_mend_marks_the_integration_and_stops(world: World, fault: Exception) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    with pytest.raises(Permanent):
        world.sync(integration_id, MemorySource(people(50), faults={2: fault}), job=job)
    integration = world.integrations.get(integration_id)
    assert integration is not None
    assert (integration.status, integration.status_reason) == ("needs_attention", str(fault))
    assert world.run_of(job).status is RunStatus.FAILED
    assert len(world.leads()) == 20


def test_a_completed_run_makes_an_integration_active_again(world: World) -> None:
    integration_id = world.integrate()
    world.integrations.set_needs_attention(integration_id, "revoked", at=world.clock.now())
    world.sync(integration_id, MemorySource(people(1)))
    integration = world.integrations.get(integration_id)
    assert integration is not None
    assert (integration.status, integration.status_reason) == ("active", "")


def test_a_failing_source_counts_an_attempt_only_where_the_run_came_no_further(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    source = MemorySource(people(50), faults={0: SourceUnavailable("down", after=timedelta(seconds=9))})
    with pytest.raises(Retryable) as retryable:
        world.sync(integration_id, source, job=job)
    assert retryable.value.after == timedelta(seconds=9)
    source.faults = {2: SourceUnavailable("down")}
    with pytest.raises(NotNow):
        world.sync(integration_id, source, job=job)
    assert world.run_of(job).status is RunStatus.RUNNING


def test_the_last_attempt_that_fails_ends_the_run(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job(attempt=5)
    with pytest.raises(Retryable):
        world.sync(integration_id, MemorySource(people(5), faults={0: SourceUnavailable("down")}), job=job)
    run = world.run_of(job)
    assert (run.status, run.error) == (RunStatus.FAILED, "down")


def test_a_job_that_is_run_again_after_it_failed_goes_on_at_its_checkpoint(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    source = MemorySource(people(50), faults={3: AuthRejected("revoked")})
    with pytest.raises(Permanent):
        world.sync(integration_id, source, job=job)
    assert counts_of(world.sync(integration_id, source, job=job)) == {"fetched": 50, "created": 50}
    assert source.reads == [0, 1, 2, 3, 3, 4]


def test_a_lost_position_begins_the_run_anew(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    source = MemorySource(people(50), faults={3: PositionLost("expired")})
    with pytest.raises(Retryable):
        world.sync(integration_id, source, job=job)
    result = world.sync(integration_id, source, job=job)
    assert counts_of(result) == {"fetched": 50, "created": 20, "unchanged": 30}


def test_a_cancelled_run_stops_at_the_next_checkpoint(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job(cancel_after_pages=2)
    source = MemorySource(people(50))
    with pytest.raises(JobCancelled):
        world.sync(integration_id, source, job=job)
    assert world.run_of(job).status is RunStatus.CANCELLED
    assert len(world.leads()) == 20
    assert source.stopped


def test_after_its_shift_a_run_gives_its_worker_to_another(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    source = MemorySource(people(30))
    for pages in (1, 2):
        with pytest.raises(NotNow):
            world.sync(integration_id, source, job=job, shift=timedelta())
        assert world.run_of(job).checkpoint.pages == pages
    assert counts_of(world.sync(integration_id, source, job=job, shift=timedelta())) == {"fetched": 30, "created": 30}


def test_rows_that_the_source_still_prepares_are_waited_for_outside_the_worker(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    source = MemorySource(people(30), waits={0: timedelta(seconds=30), 1: timedelta(milliseconds=20)})
    with pytest.raises(NotNow) as not_now:
        world.sync(integration_id, source, job=job)
    assert timedelta(seconds=29) < not_now.value.until - world.clock.now() <= timedelta(seconds=30)
    assert source.reads == [0]
    world.sync(integration_id, source, job=job)
    assert source.reads == [0, 1, 2]


def test_a_worker_that_was_thought_dead_can_write_nothing_more(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()

    def taken_over(page: int) -> None:
        if page == 1:
            world.sync(integration_id, MemorySource(people(20)), job=job)

    sleeper = MemorySource(people(30), after_read=taken_over)
    with pytest.raises(LeaseLost):
        world.sync(integration_id, sleeper, job=job, rows_ahead=1)
    wait_until(lambda: world.run_of(job).status is RunStatus.COMPLETED)
    assert len(world.leads()) == 20


def test_a_job_that_finds_its_run_completed_only_says_so(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    source = MemorySource(people(20))
    result = world.sync(integration_id, source, job=job)
    assert world.sync(integration_id, source, job=job) == result
    assert source.reads == [0, 1]


def test_a_new_run_replaces_one_whose_job_is_gone(world: World) -> None:
    integration_id = world.integrate()
    lost = world.new_job()
    with pytest.raises(NotNow):
        world.sync(integration_id, MemorySource(people(30)), job=lost, shift=timedelta())
    world.sync(integration_id, MemorySource(people(30)))
    assert world.run_of(lost).status is RunStatus.FAILED


@pytest.mark.parametrize("workspace_id", ["workspace-2", "workspace-1"])
def test_another_workspaces_integration_is_none(world: World, workspace_id: str) -> None:
    integration_id = world.integrate() if workspace_id == "workspace-2" else "65a0000000000000000000ff"
    payload = IntegrationSync(integration_id=integration_id, workspace_id=workspace_id)
    with pytest.raises(Permanent, match="has no integration"):
        asyncio.run(world.engine(MemorySource([])).run(payload, world.new_job()))


def test_of_rows_with_one_identity_the_first_counts_also_across_a_crash(world: World) -> None:
    integration_id = world.integrate()
    rows = [person(n % 20, firstname=f"Row{n}") for n in range(40)]
    undisturbed = world.sync(integration_id, MemorySource(rows, unique_ids=False))
    assert counts_of(undisturbed) == {"fetched": 40, "created": 20, "skipped": 20}
    expected = comparable(world.leads())
    assert {lead["firstName"] for lead in expected} == {f"Row{n}" for n in range(20)}
    again = world.sync(integration_id, MemorySource(rows, unique_ids=False))
    assert counts_of(again) == {"fetched": 40, "unchanged": 20, "skipped": 20}
    job = world.new_job()
    source = MemorySource(rows, unique_ids=False, faults={2: SourceUnavailable("down")})
    with pytest.raises(NotNow):
        world.sync(integration_id, source, job=job)
    assert counts_of(world.sync(integration_id, source, job=job)) == counts_of(again)
    assert comparable(world.leads()) == expected
