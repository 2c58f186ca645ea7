"""What is shown of a job, from the queue and from the ledger."""

import json
from typing import Any

import pytest

from libs.common.broker.model import JobOptions, NewJob
from libs.common.errors import StoreUnavailable
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.model import Ending, NewEntry
from tests.unit.gateway.fakes import SERVICE, World
from tests.unit.ledger.fakes import NOW


@pytest.fixture
def world() -> World:
    return World()


def show(world: World, job_id: str) -> tuple[int, dict[str, Any]]:
    answer = world.client.get(f"/api/bullmq/jobs/{job_id}", headers=SERVICE)
    return answer.status_code, json.loads(answer.text)


def accept(world: World, job_id: str, **fields: Any) -> None:
    world.ledger.accept(
        NewEntry(
            job_id=job_id,
            job_type="integration-sync",
            queue="integration-sync",
            data={"mode": "full"},
            workspace_id="w1",
            created_at=NOW,
            **fields,
        )
    )


def test_a_job_in_the_queue_is_shown_as_the_queue_has_it(world: World) -> None:
    accept(world, "j1", options=JobOptions(priority=1))
    world.queues["integration-sync"].add([NewJob(job_id="j1", job_type="integration-sync", data={"a": 1}, group="w1")])
    world.queues["integration-sync"].show("j1", JobState.ACTIVE, error="timeout")

    status, job = show(world, "j1")

    assert status == 200
    assert job["state"] == "active"
    assert job["status"] == "accepted"
    assert job["inQueue"] is True
    assert job["options"] == {"priority": 1}
    assert job["attempts"][0]["error"] == "timeout"
    assert job["error"] == "timeout"


def test_a_job_that_redis_lost_is_shown_from_the_ledger(world: World) -> None:
    accept(world, "j1")

    status, job = show(world, "j1")

    assert (status, job["state"], job["inQueue"], job["workspaceId"]) == (200, "accepted", False, "w1")


def test_a_job_is_shown_while_redis_is_away(world: World) -> None:
    accept(world, "j1")
    world.queues["integration-sync"].error = StoreUnavailable("redis", "away")

    status, job = show(world, "j1")

    assert (status, job["state"], job["inQueue"]) == (200, "accepted", None)


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        (
            {"status": LedgerStatus.COMPLETED, "result": {"created": 3}},
            {"state": "completed", "result": {"created": 3}},
        ),
        ({"status": LedgerStatus.FAILED, "error": "no"}, {"state": "failed", "error": "no"}),
        ({"status": LedgerStatus.CANCELLED}, {"state": "cancelled"}),
    ],
)
def test_the_ledger_remembers_how_a_job_ended(world: World, ending: dict[str, Any], shown: dict[str, Any]) -> None:
    accept(world, "j1")
    world.ledger.finish(Ending(job_id="j1", finished_at=NOW, **ending))

    job = show(world, "j1")[1]

    assert {name: job[name] for name in shown} == shown
    assert job["finishedAt"] == "2026-03-01T12:00:00Z"


def test_the_queues_result_is_shown_before_the_ledger_has_it(world: World) -> None:
    accept(world, "j1")
    world.queues["integration-sync"].show("j1", JobState.COMPLETED, result={"created": 3})

    job = show(world, "j1")[1]

    assert (job["state"], job["status"], job["result"]) == ("completed", "accepted", {"created": 3})


def test_a_job_that_another_job_made_is_found_in_whatever_queue(world: World) -> None:
    world.queues["message-processing"].add([NewJob(job_id="derived", job_type="message-processing", data={})])

    status, job = show(world, "derived")

    assert (status, job["queue"], job["status"]) == (200, "message-processing", None)


def test_a_job_that_nobody_knows_is_not_found(world: World) -> None:
    status, problem = show(world, "nobody")

    assert status == 404
    assert "nobody" in problem["detail"]


def test_without_redis_an_unknown_job_may_still_exist(world: World) -> None:
    for queue in world.queues.values():
        queue.error = StoreUnavailable("redis", "away")

    assert show(world, "derived")[0] == 503


def test_without_mongodb_no_job_is_shown(world: World) -> None:
    world.ledger.away = True

    assert show(world, "j1")[0] == 503
