"""Whole queues: browse, pause, dead letters in bulk."""

import json
from typing import Any

import pytest

from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.reconciler import Reconciler
from tests.unit.gateway.bad_inputs import sync
from tests.unit.gateway.fakes import ADMIN, SERVICE, World

QUEUE = "integration-sync"
PATH = f"/api/bullmq/queues/{QUEUE}"


@pytest.fixture
def world() -> World:
    return World()


def call(world: World, method: str, path: str) -> tuple[int, dict[str, Any]]:
    answer = world.client.open(f"/api/bullmq/queues/{path}", method=method, headers=ADMIN)
    return answer.status_code, json.loads(answer.text)


def dead_letters(world: World, count: int) -> list[str]:
    """Dead letters that the ledger knows as such."""
    ids = []
    for number in range(count):
        answer = world.client.post("/api/bullmq/jobs", json=sync(integrationId=f"{number:024x}"), headers=SERVICE)
        ids.append(json.loads(answer.text)["jobId"])
        world.queues[QUEUE].show(ids[-1], JobState.FAILED, error="boom")
    reconcile(world)
    return ids


def reconcile(world: World) -> None:
    world.epoch.life += 1
    Reconciler(world.ledger, world.queues, world.epoch, clock=world.clock, after=world.reconcile_after).run_once()


def test_jobs_are_browsed_page_by_page(world: World) -> None:
    ids = dead_letters(world, 5)

    found: list[str] = []
    cursor = ""
    while True:
        page = call(world, "GET", f"{QUEUE}/jobs?state=failed&limit=2&cursor={cursor}")[1]
        found += [job["jobId"] for job in page["jobs"]]
        cursor = page["cursor"]
        if cursor is None:
            break

    assert found == sorted(ids)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "state"),
        ("state=lost", "state"),
        ("state=failed&limit=0", "limit"),
        ("state=failed&limit=x", "limit"),
        ("state=failed&limit=101", "limit"),
        ("state=failed&cursor=%00", "cursor"),
        ("state=failed&state=active", "state"),
        ("state=failed&page=2", "page"),
    ],
)
def test_a_question_that_cannot_be_answered_names_the_parameter(world: World, query: str, field: str) -> None:
    status, problem = call(world, "GET", f"{QUEUE}/jobs?{query}")

    assert (status, problem["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "jobs?state=failed"), ("POST", "pause"), ("POST", "resume"), ("POST", "dead/retry"), ("DELETE", "dead")],
)
def test_a_queue_that_is_not_there_is_not_found_and_the_others_are_named(world: World, method: str, path: str) -> None:
    status, problem = call(world, method, f"nothing/{path}")

    assert status == 404
    assert QUEUE in problem["detail"]


def test_a_queue_is_paused_and_resumed_however_often(world: World) -> None:
    for action, paused in [("pause", True), ("pause", True), ("resume", False), ("resume", False)]:
        assert call(world, "POST", f"{QUEUE}/{action}") == (200, {"queue": QUEUE, "paused": paused})
        assert world.queues[QUEUE].paused is paused


def test_all_dead_letters_run_again_and_the_ledger_owes_them(world: World) -> None:
    ids = dead_letters(world, 250)

    answer = call(world, "POST", f"{QUEUE}/dead/retry")[1]

    assert answer == {"queue": QUEUE, "done": 250, "refused": 0, "more": False}
    assert all(world.ledger.entries[job_id].is_open for job_id in ids)
    assert {view.state for view in world.queues[QUEUE].views.values()} == {JobState.WAITING}


def test_a_dead_letter_whose_key_another_job_holds_is_left_as_it_was(world: World) -> None:
    ids = dead_letters(world, 3)
    world.queues[QUEUE].held.add(ids[1])

    answer = call(world, "POST", f"{QUEUE}/dead/retry")[1]

    assert (answer["done"], answer["refused"]) == (2, 1)
    assert world.ledger.entries[ids[1]].status is LedgerStatus.FAILED


def test_a_limit_bounds_what_one_call_does(world: World) -> None:
    dead_letters(world, 5)

    answer = call(world, "POST", f"{QUEUE}/dead/retry?limit=2")[1]

    assert answer == {"queue": QUEUE, "done": 2, "refused": 0, "more": True}


def test_removed_dead_letters_stay_gone_and_the_ledger_keeps_their_end(world: World) -> None:
    ids = dead_letters(world, 3)
    # The ledger has not heard of this one's end yet.
    world.ledger.reopen(ids[0])

    answer = call(world, "DELETE", f"{QUEUE}/dead")[1]

    assert answer["done"] == 3
    reconcile(world)
    assert world.enqueued == []
    assert {world.ledger.entries[job_id].status for job_id in ids} == {LedgerStatus.FAILED}


def test_only_the_dead_letters_of_a_workspace_are_taken(world: World) -> None:
    dead_letters(world, 2)

    assert call(world, "DELETE", f"{QUEUE}/dead?workspaceId=w2")[1]["done"] == 0
    assert call(world, "DELETE", f"{QUEUE}/dead?workspaceId=w1")[1]["done"] == 2
