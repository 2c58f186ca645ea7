"""`GET /jobs`, `POST /messages/replay`, and the run that a replay starts, with stores in memory."""

import asyncio
import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.jobs.message_replay import MESSAGE_REPLAY
from libs.common.jobs.states import LedgerStatus
from libs.common.settings import Secret, Settings
from services.gateway.replay.running import Replays
from tests.unit.gateway.fakes import ADMIN_TOKEN, SERVICE, SERVICE_TOKEN, World
from tests.unit.gateway.test_bulk_actions import FakeJob

W1 = {"Authorization": "Bearer of-w1"}


@pytest.fixture
def world() -> World:
    return World(
        Settings(
            service_token=Secret(SERVICE_TOKEN), admin_token=Secret(ADMIN_TOKEN), workspace_tokens=Secret("w1=of-w1")
        )
    )


def call(world: World, method: str, path: str, headers: dict[str, str] = SERVICE, **how: Any) -> tuple[int, Any]:
    answer = world.client.open(f"/api/bullmq/{path}", method=method, headers=headers, **how)
    return answer.status_code, json.loads(answer.text)


def replay(world: World, headers: dict[str, str] = SERVICE, **body: Any) -> tuple[int, Any]:
    return call(world, "POST", "messages/replay", headers, json={"workspaceId": "w1", **body})


def test_history_is_asked_with_its_moments_fixed(world: World) -> None:
    status, page = call(world, "GET", "jobs?status=failed&createdAfter=-2h&error=boom&queue=integration-sync")

    assert (status, page) == (200, {"jobs": [], "cursor": None})
    (asked,) = world.history.asked
    assert (asked.status, asked.error, asked.queue) == (LedgerStatus.FAILED, "boom", "integration-sync")
    assert asked.created_after == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("query", ["status=waiting", "queue=nope", "jobType=nope", "createdAfter=soon", "limit=101"])
def test_a_history_that_cannot_be_is_refused(world: World, query: str) -> None:
    status, problem = call(world, "GET", f"jobs?{query}")

    assert (status, problem["errors"][0]["field"]) == (422, query.partition("=")[0])


def test_a_token_of_a_workspace_sees_only_its_history(world: World) -> None:
    assert call(world, "GET", "jobs", W1)[0] == 200
    assert call(world, "GET", "jobs?workspaceId=w2", W1)[0] == 403

    assert [asked.workspace_id for asked in world.history.asked] == ["w1"]


@pytest.mark.parametrize("dry", [True, False])
def test_a_replay_of_everything_is_refused(world: World, dry: bool) -> None:
    status, problem = replay(world, filter={}, dryRun=dry)

    assert (status, problem["errors"][0]["field"]) == (422, "filter")


def test_a_dry_replay_says_how_many_and_queues_nothing(world: World) -> None:
    world.replays.messages = ["a", "b"]

    status, answer = replay(world, filter={"reason": "gave-up"}, dryRun=True)

    assert (status, answer["found"]) == (200, {"count": 2, "exact": True, "leftOut": 0, "sample": ["a", "b"]})
    assert world.ledger.entries == {}


def test_a_replay_is_a_job_of_its_workspace_that_queues_each_message_once(world: World) -> None:
    world.replays.messages = [f"{number:024x}" for number in range(1, 1_202)]
    status, receipt = replay(world, filter={"status": "cancelled"})
    job, new_ids = FakeJob(receipt["jobId"]), (f"send-{number}" for number in itertools.count())
    runs = Replays(
        world.replays,
        world.queues["message-processing"],
        lambda _: job.told[-1] if job.told else None,
        clock=world.clock,
        new_id=lambda: next(new_ids),
    )

    assert (status, world.ledger.entries[receipt["jobId"]].workspace_id) == (202, "w1")
    order = MESSAGE_REPLAY.read(world.ledger.data[receipt["jobId"]])
    assert asyncio.run(runs.run(order, job)) == {"queued": 1_201}  # type: ignore[arg-type]  # a context of the test's
    jobs = world.queues["message-processing"].jobs.values()
    assert sorted(each.data["messageId"] for each in jobs) == world.replays.messages
    assert asyncio.run(runs.run(order, job)) == {"queued": 1_201}  # type: ignore[arg-type]  # a context of the test's
    assert len(world.replays.queued) == 1_201


def test_a_token_of_a_workspace_replays_only_there(world: World) -> None:
    assert replay(world, W1, filter={"reason": "x"})[0] == 202
    body = {"workspaceId": "w2", "filter": {"reason": "x"}}
    assert call(world, "POST", "messages/replay", W1, json=body)[0] == 422
