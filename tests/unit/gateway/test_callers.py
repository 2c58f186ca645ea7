"""Who calls: tokens of one workspace, limits of rate, and the audit log."""

import json
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.exceptions import TooManyRequests

from libs.common.errors import SettingsError
from libs.common.settings import Secret, Settings
from services.gateway.auth import Caller, Scope, Tokens, guard, needs
from services.gateway.rate_limits import RateLimits
from services.gateway.serving.wsgi import SMALL_BODY
from tests.unit.gateway.bad_inputs import sync
from tests.unit.gateway.fakes import ADMIN, ADMIN_TOKEN, SERVICE, SERVICE_TOKEN, World

W1 = {"Authorization": "Bearer for-w1"}


def settings(workspace_tokens: str = "w1=for-w1, w2=for-w2", **others: Any) -> Settings:
    return Settings(
        service_token=Secret(SERVICE_TOKEN),
        admin_token=Secret(ADMIN_TOKEN),
        workspace_tokens=Secret(workspace_tokens),
        **others,
    )


@pytest.fixture
def world() -> World:
    return World(settings())


def submit(world: World, body: dict[str, Any], headers: dict[str, str] = SERVICE) -> Any:
    return world.client.post("/api/bullmq/jobs", json=body, headers=headers)


def test_a_token_of_a_workspace_enqueues_for_it_only(world: World) -> None:
    assert submit(world, sync(), W1).status_code == 202

    refused = submit(world, sync(workspaceId="w2"), W1)

    assert refused.status_code == 422
    assert json.loads(refused.text)["errors"][0]["field"] == "data.workspaceId"


def test_who_shows_no_token_may_send_a_small_body_only() -> None:
    app = Flask("open")

    @app.post("/open")
    @needs(Scope.OPEN)
    def read() -> Response:
        return Response(str(len(request.get_data())))

    guard(app, Tokens(settings()))
    client = app.test_client()
    small, large = b"z" * SMALL_BODY, b"z" * (SMALL_BODY + 1)

    assert client.post("/open", data=small).text == str(len(small))
    assert client.post("/open", data=large).status_code == 413
    assert client.post("/open", data=large, headers=SERVICE).text == str(len(large))


def test_in_a_batch_only_the_workspaces_own_jobs_are_accepted(world: World) -> None:
    jobs = [sync(), sync(workspaceId="w2", integrationId="1" * 24)]

    answer = world.client.post("/api/bullmq/jobs/batch", json={"jobs": jobs}, headers=W1)

    assert [each["accepted"] for each in json.loads(answer.text)["jobs"]] == [True, False]


def test_another_workspaces_job_looks_like_none(world: World) -> None:
    job_id = json.loads(submit(world, sync(workspaceId="w2")).text)["jobId"]

    assert world.client.get(f"/api/bullmq/jobs/{job_id}", headers=W1).status_code == 404
    assert world.client.get(f"/api/bullmq/jobs/{job_id}", headers=SERVICE).status_code == 200


def test_a_token_of_a_workspace_browses_its_own_jobs_only(world: World) -> None:
    mine = json.loads(submit(world, sync()).text)["jobId"]
    submit(world, sync(workspaceId="w2", integrationId="1" * 24))
    path = "/api/bullmq/queues/integration-sync/jobs?state=waiting"

    page = json.loads(world.client.get(path, headers=W1).text)

    assert [job["jobId"] for job in page["jobs"]] == [mine]
    assert world.client.get(f"{path}&workspaceId=w2", headers=W1).status_code == 403


@pytest.mark.parametrize("path", ["stats", "metrics", "schedules", "audit"])
def test_what_is_about_all_workspaces_is_refused(world: World, path: str) -> None:
    assert world.client.get(f"/api/bullmq/{path}", headers=W1).status_code in {403, 404}


@pytest.mark.parametrize("text", ["w1", "=x", "w1=", f"w1={SERVICE_TOKEN}"])
def test_it_does_not_start_with_workspace_tokens_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError, match="WORKSPACE_TOKENS") as caught:
        Tokens(settings(text))

    assert SERVICE_TOKEN not in str(caught.value)


def test_a_caller_who_asks_too_often_is_told_when_to_ask_again() -> None:
    world = World(settings(requests_per_second=2))

    answers = [world.client.get("/api/bullmq/stats", headers=SERVICE) for _ in range(6)]

    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert world.client.get("/api/bullmq/stats", headers=ADMIN).status_code == 200


def test_a_bucket_refills_evenly() -> None:
    now = 0.0
    limits = RateLimits(per_second=10, monotonic=lambda: now)
    caller = Caller(Scope.SERVICE, "a")
    for _ in range(20):
        limits.admit(caller)
    with pytest.raises(TooManyRequests):
        limits.admit(caller)

    now = 0.1
    limits.admit(caller)
    with pytest.raises(TooManyRequests):
        limits.admit(caller)


def test_who_changed_what_is_recorded_without_the_token(world: World) -> None:
    world.client.post("/api/bullmq/queues/integration-sync/dead/retry?limit=5", headers=ADMIN)
    world.client.post("/api/bullmq/queues/nothing/pause", headers=ADMIN)
    world.client.post("/api/bullmq/initialize", headers=SERVICE)

    told = [(entry.scope, entry.method, entry.address, entry.status) for entry in world.audit.entries]

    assert told == [
        ("admin", "POST", "/api/bullmq/queues/integration-sync/dead/retry?limit=5", 200),
        ("admin", "POST", "/api/bullmq/queues/nothing/pause", 404),
        ("service", "POST", "/api/bullmq/initialize", 403),
    ]
    assert len({entry.fingerprint for entry in world.audit.entries}) == 2
    assert ADMIN_TOKEN not in repr(world.audit.entries)


def test_reading_and_enqueueing_are_not_recorded(world: World) -> None:
    submit(world, sync())
    world.client.get("/api/bullmq/stats", headers=ADMIN)
    world.client.post("/api/bullmq/initialize")

    assert world.audit.entries == []


def test_the_audit_log_is_shown_to_admins(world: World) -> None:
    world.client.post("/api/bullmq/initialize", headers=ADMIN)

    page = json.loads(world.client.get("/api/bullmq/audit", headers=ADMIN).text)

    assert [entry["route"] for entry in page["entries"]] == ["/api/bullmq/initialize"]
    assert world.client.get("/api/bullmq/audit", headers=SERVICE).status_code == 403
