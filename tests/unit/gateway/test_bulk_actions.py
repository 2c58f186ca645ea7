"""`POST /jobs/actions`, and the run that it starts, with stores in memory."""

import asyncio
import itertools
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from libs.common.broker.model import JobPage
from libs.common.errors import JobCancelled, NotNow
from libs.common.jobs.bulk_action import BULK_ACTION, BulkOrder
from libs.common.jobs.states import JobState, LedgerStatus
from services.gateway.bulk.deeds import Deeds
from services.gateway.bulk.running import BulkRuns
from services.gateway.bulk.selection import Selection
from tests.unit.gateway.bad_inputs import sync
from tests.unit.gateway.fakes import ADMIN, SERVICE, World

SYNC = "integration-sync"
ALL_SYNCS = {"queues": [SYNC]}


class FakeJob:
    """What a run sees of its own job."""

    def __init__(self, job_id: str = "bulk") -> None:
        self.job_id = job_id
        self.told: list[Mapping[str, Any]] = []
        self.stop_after: int | None = None

    async def set_progress(self, values: Mapping[str, Any]) -> None:
        self.told.append(values)

    def cancelled(self) -> bool:
        return self.stop_after is not None and len(self.told) >= self.stop_after


@pytest.fixture
def world() -> World:
    return World()


def submit(world: World, state: JobState, *, count: int = 1, error: str | None = None) -> list[str]:
    ids = []
    for _ in range(count):
        body = sync(integrationId=f"{len(world.ledger.entries):024x}")
        ids.append(json.loads(world.client.post("/api/bullmq/jobs", json=body, headers=SERVICE).text)["jobId"])
        world.queues[SYNC].show(ids[-1], state, error=error)
    return ids


def ask(world: World, action: str, which: object, **more: Any) -> tuple[int, dict[str, Any]]:
    body = {"action": action, "filter": which, **more}
    answer = world.client.post("/api/bullmq/jobs/actions", json=body, headers=ADMIN)
    return answer.status_code, json.loads(answer.text)


def run(world: World, job: FakeJob, **turn: Any) -> dict[str, Any]:
    """Runs the order that the world's ledger holds last."""
    job_id = next(reversed(world.ledger.data))
    order: BulkOrder = BULK_ACTION.read(world.ledger.data[job_id])
    deeds = Deeds(world.ledger, clock=world.clock)
    runs = BulkRuns(world.queues, deeds, lambda _: job.told[-1] if job.told else None, clock=world.clock, **turn)
    return asyncio.run(runs.run(order, job))  # type: ignore[arg-type]  # a context of the test's own


def test_a_dry_run_says_how_many_and_whom_and_changes_nothing(world: World) -> None:
    ids = submit(world, JobState.FAILED, count=3, error="Retryable: busy")
    submit(world, JobState.FAILED, error="Permanent: no")

    status, answer = ask(world, "retry", {"errorType": "Retryable", "finishedAfter": "-1h"}, dryRun=True)

    assert status == 200
    assert (answer["found"]["count"], answer["found"]["exact"]) == (3, True)
    assert [job["jobId"] for job in answer["found"]["sample"]] == ids
    assert answer["found"]["sample"][0]["error"] == "Retryable: busy"
    assert answer["filter"]["finishedAfter"] == "2026-03-01T11:00:00Z"
    assert BULK_ACTION.queue not in {entry.queue for entry in world.ledger.entries.values()}


def test_a_dry_run_of_whole_queues_counts_what_the_queues_count(world: World) -> None:
    submit(world, JobState.WAITING, count=30)

    found = ask(world, "cancel", ALL_SYNCS, dryRun=True)[1]["found"]

    assert (found["count"], found["exact"], found["byQueue"]) == (30, True, {SYNC: 30})
    assert len(found["sample"]) == 20


def test_a_dry_run_ends_in_time_and_says_that_its_count_is_not_exact(world: World) -> None:
    submit(world, JobState.FAILED, count=250)
    order = BULK_ACTION.parse(
        {"action": "retry", "filter": {"workspaceId": "w1"}, "asOf": "2026-03-01T12:00:00Z"}, path=""
    )
    seconds = itertools.count(step=1.0)

    found = Selection({SYNC: world.queues[SYNC]}, monotonic=lambda: next(seconds)).preview(order)

    assert (found.count, found.exact) == (200, False)


def test_to_know_how_many_jobs_whole_queues_have_a_run_looks_at_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(world, JobState.WAITING, count=30)
    ask(world, "cancel", {**ALL_SYNCS, "state": "waiting"})
    job, browse = FakeJob(), world.queues[SYNC].browse
    looks: list[JobState] = []

    def looked(state: JobState, **how: Any) -> JobPage:
        looks.append(state)
        return browse(state, **how)

    monkeypatch.setattr(world.queues[SYNC], "browse", looked)

    assert run(world, job)["done"] == 30
    assert job.told[-1]["expected"] == 30
    assert looks == [JobState.WAITING]


@pytest.mark.parametrize("which", [{}, {"state": "failed"}])
def test_an_empty_filter_is_refused_dry_or_not(world: World, which: dict[str, Any]) -> None:
    for dry in (True, False):
        status, answer = ask(world, "retry", which, dryRun=dry)
        assert status == 422
        assert answer["errors"][0]["field"] == "filter"
        assert "name at least one of" in answer["errors"][0]["problem"]
    assert world.enqueued == []


def test_the_order_is_accepted_as_a_job_with_its_moments_fixed_and_is_in_the_audit_log(world: World) -> None:
    status, receipt = ask(world, "retry", {"createdAfter": "-2h"})

    assert (status, receipt["queue"], receipt["status"]) == (202, "operations", "waiting")
    assert world.ledger.data[receipt["jobId"]]["filter"] == {"createdAfter": "2026-03-01T10:00:00Z"}
    (entry,) = world.audit.entries
    assert entry.details["action"] == "retry"
    assert entry.details["jobId"] == receipt["jobId"]


def test_asking_again_with_the_same_key_is_the_same_job(world: World) -> None:
    headers = {**ADMIN, "Idempotency-Key": "k"}
    body = {"action": "retry", "filter": {"createdAfter": "-2h"}}
    answers = []
    for _ in range(2):
        answers.append(world.client.post("/api/bullmq/jobs/actions", json=body, headers=headers))
        world.clock.pass_by(timedelta(minutes=1))

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({json.loads(answer.text)["jobId"] for answer in answers}) == 1


def test_nobody_enqueues_a_bulk_action_past_its_route(world: World) -> None:
    body = {"jobType": "bulk-action", "data": {"action": "retry", "filter": {}, "asOf": "2026-03-01T12:00:00Z"}}

    answer = world.client.post("/api/bullmq/jobs", json=body, headers=ADMIN)

    assert answer.status_code == 422
    assert "a route of their own" in answer.text


@pytest.mark.parametrize(
    ("action", "state", "after"),
    [
        ("retry", JobState.FAILED, JobState.WAITING),
        ("promote", JobState.DELAYED, JobState.WAITING),
        ("remove", JobState.COMPLETED, None),
        ("remove", JobState.FAILED, None),
        ("cancel", JobState.WAITING, None),
        ("cancel", JobState.DELAYED, None),
    ],
)
def test_a_run_acts_on_every_job_that_fits_and_on_no_other(
    world: World, action: str, state: JobState, after: JobState | None
) -> None:
    # What the fake queue has in line is one page.
    count = 90 if state is JobState.WAITING else 230
    ids = submit(world, state, count=count)
    others = submit(world, JobState.ACTIVE)
    ask(world, action, {**ALL_SYNCS, "state": state.value})

    job = FakeJob()
    result = run(world, job)

    assert result == {"done": count, "refused": 0}
    views = [world.queues[SYNC].get(job_id) for job_id in ids]
    assert {view.state if view else None for view in views} == {after}
    assert world.queues[SYNC].views[others[0]].state is JobState.ACTIVE
    assert len(job.told) == (count + 99) // 100
    assert job.told[-1]["done"] == count


def test_a_cancelled_job_is_closed_in_the_ledger_before_the_queue_drops_it(world: World) -> None:
    ids = submit(world, JobState.WAITING, count=3)
    ask(world, "cancel", ALL_SYNCS)

    run(world, FakeJob())

    assert {world.ledger.entries[job_id].status for job_id in ids} == {LedgerStatus.CANCELLED}


def test_a_run_goes_on_where_another_worker_has_stopped(world: World) -> None:
    submit(world, JobState.DELAYED, count=250)
    ask(world, "promote", ALL_SYNCS)
    job = FakeJob()
    job.stop_after = 1
    with pytest.raises(JobCancelled):
        run(world, job)
    promoted = [view.job_id for view in world.queues[SYNC].views.values() if view.state is JobState.WAITING]
    for job_id in promoted:
        # Delayed again, by a retry's pause: it was promoted once and must not be a second time.
        world.queues[SYNC].show(job_id, JobState.DELAYED)
    job.stop_after = None

    assert run(world, job) == {"done": 250, "refused": 0}
    assert {world.queues[SYNC].views[job_id].state for job_id in promoted} == {JobState.DELAYED}


def test_a_run_stops_when_a_person_cancels_it(world: World) -> None:
    ids = submit(world, JobState.FAILED, count=250)
    ask(world, "retry", ALL_SYNCS)
    job = FakeJob()
    job.stop_after = 1

    with pytest.raises(JobCancelled):
        run(world, job)

    states = [world.queues[SYNC].views[job_id].state for job_id in ids]
    assert states.count(JobState.WAITING) == 100


def test_a_long_run_lets_others_have_their_turn(world: World) -> None:
    submit(world, JobState.FAILED, count=250)
    ask(world, "retry", ALL_SYNCS)
    job = FakeJob()

    turns = 0
    while True:
        try:
            assert run(world, job, longest_turn=timedelta(0))["done"] == 250
            break
        except NotNow:
            turns += 1

    assert turns == 2


def test_a_run_leaves_itself_alone(world: World) -> None:
    _, receipt = ask(world, "cancel", {"queues": ["operations"]})
    world.clock.pass_by(timedelta(seconds=1))

    run(world, FakeJob(receipt["jobId"]))

    assert world.queues["operations"].get(receipt["jobId"]) is not None
