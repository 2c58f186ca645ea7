"""What holds for every request."""

import json
from typing import Any

import pytest
from bson import ObjectId

from libs.common.errors import StoreUnavailable
from libs.common.ledger.reconciler import Report
from libs.common.logging import CONTEXT
from services.gateway import app as app_module
from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from tests.unit.gateway.bad_inputs import sync
from tests.unit.gateway.fakes import ADMIN, SERVICE, World


@pytest.fixture
def world() -> World:
    return World()


def problem_of(answer: Any) -> dict[str, Any]:
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer.text)
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/bullmq", "/api/bullmq//jobs", "/api/bullmq/jobs/a/b", "/%00"])
def test_an_unknown_address_is_a_problem(world: World, path: str) -> None:
    answer = world.client.get(path, headers=SERVICE)

    assert answer.status_code == 404
    problem_of(answer)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_method_that_a_route_does_not_know_is_a_problem(world: World, method: str) -> None:
    answer = world.client.open("/api/bullmq/jobs", method=method, headers=SERVICE)

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    problem_of(answer)


def test_a_trailing_slash_does_not_matter(world: World) -> None:
    assert world.client.get("/api/bullmq/stats/", headers=SERVICE).status_code == 200


@pytest.mark.parametrize("path", ["/api/bullmq/stats", "/nothing", "/healthz", "/metrics"])
def test_every_answer_has_the_security_headers_and_an_id(world: World, path: str) -> None:
    answer = world.client.get(path, headers=SERVICE)

    for name, value in app_module._SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert len(answer.headers["X-Request-Id"]) == 26


def test_an_error_that_nobody_foresaw_says_nothing_but_where_to_look(world: World) -> None:
    @needs(Scope.OPEN)
    def broken() -> str:
        raise ValueError("mongodb://user:s3cr3t@host")

    world.app.add_url_rule("/broken", view_func=broken)

    answer = world.client.get("/broken")

    assert answer.status_code == 500
    assert problem_of(answer)["requestId"] == answer.headers["X-Request-Id"]
    assert "s3cr3t" not in answer.text


def test_what_is_logged_while_a_request_is_answered_has_its_id(world: World) -> None:
    @needs(Scope.OPEN)
    def logging() -> str:
        fields = CONTEXT.get()
        return "" if fields is None else fields()["request_id"]

    world.app.add_url_rule("/logging", view_func=logging)

    answers = [world.client.get("/logging") for _ in range(2)]

    assert [answer.text for answer in answers] == [answer.headers["X-Request-Id"] for answer in answers]
    assert answers[0].text != answers[1].text


def test_stats_name_every_queue_and_add_up(world: World) -> None:
    world.client.post("/api/bullmq/jobs", json=sync(), headers=SERVICE)

    answer = json.loads(world.client.get("/api/bullmq/stats", headers=SERVICE).text)

    assert [queue["queue"] for queue in answer["queues"]] == list(world.queues)
    assert answer["totals"]["waiting"] == 1
    assert sum(queue["backlog"] for queue in answer["queues"]) == 1
    assert answer["queues"][0]["oldestWaitingSeconds"] == 0.5


def test_stats_without_redis_say_what_is_away(world: World) -> None:
    for queue in world.queues.values():
        queue.error = StoreUnavailable("redis", "refused at redis://:s3cr3t@host")

    answer = world.client.get("/api/bullmq/stats", headers=SERVICE)

    assert problem_of(answer)["type"] == "urn:tuco-jobs:problem:redis-unavailable"
    assert answer.headers["Retry-After"]
    assert "s3cr3t" not in answer.text


def test_initialize_says_what_it_created(world: World) -> None:
    answer = world.client.post("/api/bullmq/initialize", headers=ADMIN)

    assert json.loads(answer.text) == {
        "status": "created",
        "created": {"collections": [], "indexes": [], "schedules": ["health-check"]},
    }


def test_metrics_tell_requests_by_route_and_queues_by_state(world: World) -> None:
    world.client.post("/api/bullmq/jobs", json=sync(), headers=SERVICE)
    world.client.get("/api/bullmq/jobs/some-id", headers=SERVICE)
    world.client.get("/some/address", headers=SERVICE)

    answer = world.client.get("/metrics", headers=SERVICE)

    who = 'service="gateway",instance="here:1"'
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert f'tuco_http_requests_total{{{who},method="POST",route="/api/bullmq/jobs",status="202"}} 1.0' in answer.text
    assert f'{{{who},method="GET",route="/api/bullmq/jobs/<job_id>",status="404"}} 1.0' in answer.text
    assert f'{{{who},method="any",route="unknown",status="404"}} 1.0' in answer.text
    assert "some" not in answer.text
    assert f'tuco_queue_jobs{{{who},queue="integration-sync",state="waiting"}} 1.0' in answer.text
    assert f'tuco_queue_oldest_waiting_seconds{{{who},queue="integration-sync"}} 0.5' in answer.text
    assert f"tuco_redis_up{{{who}}} 1.0" in answer.text
    assert f"tuco_target_up{{{who}}} 1.0" in answer.text


def test_both_metrics_addresses_answer_the_same(world: World) -> None:
    names = [
        {line.split("{")[0] for line in world.client.get(path, headers=SERVICE).text.splitlines()}
        for path in ("/metrics", "/api/bullmq/metrics")
    ]

    assert names[0] <= names[1]


def test_metrics_are_there_without_redis(world: World) -> None:
    world.queues["integration-sync"].error = StoreUnavailable("redis", "away")

    answer = world.client.get("/metrics", headers=SERVICE)

    assert answer.status_code == 200
    assert 'tuco_redis_up{service="gateway",instance="here:1"} 0.0' in answer.text


def test_the_reconcilers_runs_are_counted(world: World) -> None:
    world.metrics.count_run(Report(complete=True, looked_at=9, enqueued=3, skipped=1))

    text = world.client.get("/metrics", headers=SERVICE).text

    assert 'tuco_reconciler_runs_total{service="gateway",instance="here:1"} 1.0' in text
    assert 'tuco_reconciler_jobs_total{service="gateway",instance="here:1",outcome="enqueued"} 3.0' in text


def test_json_answers_carry_what_mongodb_stores() -> None:
    assert json_answer({"id": ObjectId("0" * 24)}).get_json() == {"id": "0" * 24}
