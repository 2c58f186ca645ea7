"""Cancel, remove, retry and promote: ledger and queue stay in step."""

import json
from typing import Any

import pytest

from libs.common.broker.queue import CancelAnswer
from libs.common.errors import StoreUnavailable
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.reconciler import Reconciler
from tests.unit.gateway.bad_inputs import message, sync
from tests.unit.gateway.fakes import ADMIN, SERVICE, World

QUEUE = "integration-sync"


@pytest.fixture
def world() -> World:
    return World()


def submit(world: World, body: dict[str, Any]) -> str:
    answer = world.client.post("/api/bullmq/jobs", json=body, headers=SERVICE)
    job_id: str = json.loads(answer.text)["jobId"]
    return job_id


def call(world: World, method: str, path: str) -> tuple[int, dict[str, Any]]:
    answer = world.client.open(f"/api/bullmq/jobs/{path}", method=method, headers=ADMIN)
    return answer.status_code, json.loads(answer.text)


def reconcile(world: World) -> None:
    world.epoch.life += 1
    Reconciler(world.ledger, world.queues, world.epoch, clock=world.clock, after=world.reconcile_after).run_once()


def fail(world: World, job_id: str) -> None:
    """As a worker does it: the ledger learns first."""
    world.queues[QUEUE].show(job_id, JobState.FAILED, error="boom")
    reconcile(world)


def test_a_cancelled_job_is_gone_and_stays_gone(world: World) -> None:
    job_id = submit(world, sync())

    status, answer = call(world, "DELETE", job_id)

    assert (status, answer["status"]) == (200, "cancelled")
    reconcile(world)
    assert world.enqueued == []
    assert world.ledger.entries[job_id].status is LedgerStatus.CANCELLED


def test_the_ledger_is_closed_before_the_queue_drops_the_job(world: World) -> None:
    job_id = submit(world, sync())
    seen: list[LedgerStatus] = []
    queue = world.queues[QUEUE]
    cancel = queue.cancel

    def watched(job_id: str) -> CancelAnswer:
        seen.append(world.ledger.entries[job_id].status)
        return cancel(job_id)

    queue.cancel = watched  # type: ignore[method-assign]  # the test looks on

    call(world, "DELETE", job_id)

    assert seen == [LedgerStatus.CANCELLED]


def test_a_running_job_is_asked_to_stop(world: World) -> None:
    job_id = submit(world, sync())
    world.queues[QUEUE].show(job_id, JobState.ACTIVE)

    assert call(world, "DELETE", job_id) == (202, {"jobId": job_id, "queue": QUEUE, "status": "cancelling"})


def test_a_finished_job_is_removed_and_the_ledger_keeps_its_end(world: World) -> None:
    job_id = submit(world, sync())
    world.queues[QUEUE].show(job_id, JobState.COMPLETED, result={"rows": 3})

    assert call(world, "DELETE", job_id)[1]["status"] == "removed"
    reconcile(world)
    assert world.enqueued == []
    assert world.ledger.entries[job_id].result == {"rows": 3}


def test_a_job_that_only_the_ledger_holds_is_cancelled_there(world: World) -> None:
    job_id = submit(world, sync())
    world.queues[QUEUE].lose_everything()

    assert call(world, "DELETE", job_id)[1]["status"] == "cancelled"
    reconcile(world)
    assert world.enqueued == []


def test_without_redis_nothing_is_decided(world: World) -> None:
    job_id = submit(world, sync())
    for queue in world.queues.values():
        queue.error = StoreUnavailable("redis", "away")

    for method, path in [("DELETE", job_id), ("POST", f"{job_id}/retry"), ("POST", f"{job_id}/promote")]:
        assert call(world, method, path)[0] == 503
    assert world.ledger.entries[job_id].is_open


def test_a_retried_dead_letter_is_owed_again(world: World) -> None:
    job_id = submit(world, sync())
    fail(world, job_id)

    assert call(world, "POST", f"{job_id}/retry")[1]["status"] == "retried"

    assert world.ledger.entries[job_id].is_open
    world.queues[QUEUE].lose_everything()
    reconcile(world)
    assert world.enqueued == [job_id]


def test_a_dead_letter_that_the_queue_has_forgotten_is_retried_from_the_ledger(world: World) -> None:
    job_id = submit(world, sync())
    fail(world, job_id)
    world.queues[QUEUE].lose_everything()

    assert call(world, "POST", f"{job_id}/retry")[0] == 200
    assert world.enqueued == [job_id]


def test_a_retry_whose_unique_key_another_job_holds_changes_nothing(world: World) -> None:
    job_id = submit(world, sync())
    fail(world, job_id)
    world.queues[QUEUE].jobs.clear()
    other = submit(world, sync())

    status, problem = call(world, "POST", f"{job_id}/retry")

    assert status == 409
    assert "another unfinished job" in problem["detail"].lower()
    assert other != job_id
    assert not world.ledger.entries[job_id].is_open


def test_a_retry_that_only_redis_refuses_leaves_the_ledger_closed(world: World) -> None:
    job_id = submit(world, sync())
    fail(world, job_id)
    world.queues[QUEUE].held.add(job_id)

    assert call(world, "POST", f"{job_id}/retry")[0] == 409
    assert world.ledger.entries[job_id].status is LedgerStatus.FAILED


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.FAILED])
def test_only_a_dead_letter_is_retried(world: World, state: JobState) -> None:
    job_id = submit(world, sync())
    world.queues[QUEUE].show(job_id, state)

    status, problem = call(world, "POST", f"{job_id}/retry")

    assert status == 409
    assert state in problem["detail"]


def test_only_a_delayed_job_is_promoted(world: World) -> None:
    job_id = submit(world, sync())
    assert call(world, "POST", f"{job_id}/promote")[0] == 409

    world.queues[QUEUE].show(job_id, JobState.DELAYED)
    assert call(world, "POST", f"{job_id}/promote")[1]["status"] == "promoted"
    assert world.queues[QUEUE].views[job_id].state is JobState.WAITING


@pytest.mark.parametrize(("method", "path"), [("DELETE", "x"), ("POST", "x/retry"), ("POST", "x/promote")])
def test_a_job_that_nobody_knows_is_not_found(world: World, method: str, path: str) -> None:
    assert call(world, method, path)[0] == 404


def test_while_redis_is_away_a_message_is_sent_through_the_service(world: World) -> None:
    world.epoch.error = StoreUnavailable("redis", "away")
    world.runner.result = {"status": "sent"}

    answer = world.client.post("/api/bullmq/jobs", json=message(), headers=SERVICE)

    assert (answer.status_code, json.loads(answer.text)["result"]) == (200, {"status": "sent"})
    assert [call[0] for call in world.runner.calls] == ["message-processing"]


def test_while_redis_is_there_a_message_goes_through_its_queue(world: World) -> None:
    world.runner.result = {"status": "sent"}

    assert world.client.post("/api/bullmq/jobs", json=message(), headers=SERVICE).status_code == 202
    assert world.runner.calls == []


def test_while_redis_is_away_a_sync_waits_in_the_ledger(world: World) -> None:
    world.epoch.error = StoreUnavailable("redis", "away")
    world.runner.result = {}

    answer = world.client.post("/api/bullmq/jobs", json=sync(), headers=SERVICE)

    assert (answer.status_code, json.loads(answer.text)["status"]) == (202, "accepted")
