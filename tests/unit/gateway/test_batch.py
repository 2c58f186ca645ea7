"""Many jobs in one request."""

import json
from typing import Any

import pytest

from libs.common.errors import QueueFull, StoreUnavailable
from tests.unit.gateway.bad_inputs import sync
from tests.unit.gateway.fakes import SERVICE, World

PATH = "/api/bullmq/jobs/batch"


@pytest.fixture
def world() -> World:
    return World()


def post(world: World, *jobs: Any) -> list[dict[str, Any]]:
    answer = world.client.post(PATH, json={"jobs": jobs}, headers=SERVICE)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = json.loads(answer.text)["jobs"]
    return found


def syncs(count: int) -> list[dict[str, Any]]:
    return [sync(integrationId=f"{n:024x}") for n in range(count)]


def test_each_job_is_accepted_and_enqueued(world: World) -> None:
    answers = post(world, *syncs(1_000))

    assert [answer["job"]["status"] for answer in answers] == ["waiting"] * 1_000
    assert [answer["job"]["jobId"] for answer in answers] == world.enqueued
    assert len(world.ledger.entries) == 1_000


def test_a_job_that_cannot_be_used_leaves_the_others_alone(world: World) -> None:
    first, second = syncs(2)

    answers = post(world, first, {"jobType": "nothing", "data": {}}, {}, second)

    assert [answer["accepted"] for answer in answers] == [True, False, False, True]
    assert answers[1]["problem"]["errors"][0]["field"] == "jobType"
    assert answers[1]["problem"]["status"] == 422
    assert len(world.enqueued) == 2


def test_the_same_key_twice_is_one_job_and_another_request_under_it_is_refused(world: World) -> None:
    keyed = sync() | {"idempotencyKey": "k"}

    first, again, other = post(world, keyed, keyed, sync(mode="full") | {"idempotencyKey": "k"})

    assert first["job"]["jobId"] == again["job"]["jobId"]
    assert other["problem"]["errors"][0]["field"] == "Idempotency-Key"
    assert post(world, keyed)[0]["job"]["jobId"] == first["job"]["jobId"]


def test_two_syncs_of_one_integration_are_one_job(world: World) -> None:
    first, second = post(world, sync(), sync(mode="full"))

    assert first["job"]["jobId"] == second["job"]["jobId"]


@pytest.mark.parametrize("jobs", [[], [sync()] * 1_001, {}, [1], None])
def test_a_batch_of_none_or_too_many_is_refused(world: World, jobs: Any) -> None:
    answer = world.client.post(PATH, json={"jobs": jobs}, headers=SERVICE)

    assert answer.status_code == 422
    assert json.loads(answer.text)["errors"][0]["field"].startswith("jobs")
    assert world.ledger.entries == {}


def test_without_redis_a_batch_is_accepted_into_the_ledger(world: World) -> None:
    world.epoch.error = StoreUnavailable("redis", "away")

    assert [answer["job"]["status"] for answer in post(world, *syncs(2))] == ["accepted"] * 2
    assert world.enqueued == []


def test_a_redis_that_goes_away_in_between_leaves_the_batch_to_the_reconciler(world: World) -> None:
    world.queues["integration-sync"].error = StoreUnavailable("redis", "away")

    assert [answer["job"]["status"] for answer in post(world, *syncs(2))] == ["accepted"] * 2


def test_a_full_redis_refuses_the_whole_batch_before_the_ledger(world: World) -> None:
    world.epoch.error = QueueFull("redis", "full")

    assert world.client.post(PATH, json={"jobs": syncs(2)}, headers=SERVICE).status_code == 503
    assert world.ledger.entries == {}
