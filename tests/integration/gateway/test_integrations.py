"""Integrations and their runs over REST, on real stores; the sync service is played by the test."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis
from bson import ObjectId

from libs.common.broker.queue import JobQueue
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.integration_check import CheckAnswer, CheckedField, CheckOutcome
from libs.common.jobs.integration_sync import SyncMode
from libs.common.settings import Secret
from libs.common.stores.collections import create_collections
from libs.common.stores.integrations import IntegrationStore
from libs.common.stores.sync_runs import Checkpoint, Counts, StoredProblem, SyncRun, SyncRunStore
from tests.integration.gateway.conftest import ADMIN, SERVICE, Served, serve, settings_for
from tests.integration.gateway.stub import Stub, running_stub

KEY = Secret(new_credentials_key())
OF_ACME = {"Authorization": "Bearer of-acme"}
NOW = datetime(2024, 3, 4, 12, tzinfo=UTC)
TOKEN = "pat-na1-secret"
HUBSPOT = {"workspaceId": "acme", "provider": "hubspot", "credentials": {"accessToken": TOKEN}}


@pytest.fixture
def sync_service() -> Iterator[Stub]:
    """The sync service, played by the test."""
    with running_stub() as stub:
        yield stub


@pytest.fixture
def connected(redis_url: str, mongo_uri: str, sync_service: Stub) -> Iterator[Served]:
    """A gateway that can keep credentials."""
    settings = msgspec.structs.replace(
        settings_for(redis_url, mongo_uri),
        credentials_key=KEY,
        sync_url=sync_service.url,
        workspace_tokens=Secret("acme=of-acme"),
    )
    served = serve(settings)
    create_collections(served.database)
    yield served
    served.gateway.close()
    served.database.client.close()


def call(
    served: Served, method: str, path: str, body: Any = None, *, headers: dict[str, str] = SERVICE
) -> tuple[int, dict[str, Any]]:
    answer = served.client.open(f"/api/bullmq/{path}", method=method, json=body, headers=headers)
    return answer.status_code, json.loads(answer.text)


def added(served: Served, **order: Any) -> str:
    status, answer = call(served, "POST", "integrations", {**HUBSPOT, **order})
    assert status == 201, answer
    integration_id: str = answer["integrationId"]
    return integration_id


def a_run(served: Served, integration_id: str, *, job_id: str = "job", workspace_id: str = "acme") -> SyncRun:
    runs = SyncRunStore(served.database)
    run = runs.take_over(
        job_id=job_id,
        owner="me",
        integration_id=integration_id,
        workspace_id=workspace_id,
        mode=SyncMode.FULL,
        at=NOW + timedelta(seconds=served.database["syncRuns"].count_documents({})),
    )
    problems = [
        StoredProblem(row=str(n), field="phone", value="x", reason="invalid_phone", fatal=True) for n in range(3)
    ]
    runs.advance(run, counts=Counts(fetched=9, failed=3), checkpoint=Checkpoint(problems=3), problems=problems, at=NOW)
    return run


def test_an_integration_is_connected_shown_changed_and_taken_away_and_shows_no_secret(connected: Served) -> None:
    answer = connected.client.post(
        "/api/bullmq/integrations",
        json={**HUBSPOT, "name": "Sales", "settings": {"schedule": "0 * * * *"}, "fieldMap": {"phone": ["mobile"]}},
        headers=SERVICE,
    )
    assert answer.status_code == 201
    shown = json.loads(answer.text)
    where = answer.headers["Location"].removeprefix("/api/bullmq/")
    assert where == f"integrations/{shown['integrationId']}"
    assert (shown["status"], shown["fieldMap"]) == ("active", {"phone": ["mobile"]})
    assert shown["schedule"]["cron"] == "0 * * * *"
    assert shown["schedule"]["nextAt"].endswith("00:00Z")
    assert call(connected, "GET", where) == (200, shown)
    stored = IntegrationStore(connected.database, CredentialsVault(KEY)).credentials_of(shown["integrationId"])
    assert stored.values == {"accessToken": TOKEN}

    patch = {"name": "Care", "settings": {"region": "GB", "schedule": None}, "fieldMap": {"phone": None, "email": ""}}
    status, changed = call(connected, "PATCH", where, patch)
    assert (status, changed["name"], changed["settings"]) == (200, "Care", {"region": "GB"})
    assert (changed["fieldMap"], "schedule" in changed) == ({"email": ""}, False)

    assert call(connected, "DELETE", where) == (200, {"integrationId": shown["integrationId"]})
    assert call(connected, "GET", where)[0] == 404
    assert call(connected, "DELETE", where)[0] == 404
    audited = call(connected, "GET", "audit", headers=ADMIN)[1]["entries"]
    assert [entry["method"] for entry in audited] == ["DELETE", "DELETE", "PATCH", "POST"]
    for said in (answer.text, json.dumps(changed), json.dumps(audited)):
        assert TOKEN not in said


def test_lists_go_on_behind_their_cursor(connected: Served) -> None:
    ids = [added(connected), added(connected, workspaceId="other"), added(connected)]
    _, first = call(connected, "GET", "integrations?limit=2")
    _, rest = call(connected, "GET", f"integrations?limit=2&cursor={first['cursor']}")
    assert [each["integrationId"] for each in (*first["integrations"], *rest["integrations"])] == ids
    assert rest["cursor"] is None
    _, of_acme = call(connected, "GET", "integrations?workspaceId=acme")
    assert [each["integrationId"] for each in of_acme["integrations"]] == [ids[0], ids[2]]
    assert call(connected, "GET", "integrations?cursor=x")[0] == 422


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"credentials": {"accessToken": ""}}, "credentials"),
        ({"credentials": {"accessToken": "x", "password": "y"}}, "credentials.password"),
        ({"settings": {"nonsense": 1}}, "settings.nonsense"),
        ({"settings": {"suspiciousShare": 2}}, "settings.suspiciousShare"),
        ({"settings": {"schedule": "often"}}, "cron"),
        ({"fieldMap": {"shoeSize": "x"}}, "fieldMap.shoeSize"),
        ({"provider": "excel"}, "provider"),
        ({"provider": "google-sheets", "credentials": {"serviceAccount": "{}"}}, "settings.spreadsheetId"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(connected: Served, wrong: dict[str, Any], field: str) -> None:
    status, problem = call(connected, "POST", "integrations", {**HUBSPOT, **wrong})
    assert (status, [each["field"] for each in problem["errors"]]) == (422, [field])
    assert connected.database["integrations"].count_documents({}) == 0


def test_a_google_key_file_may_be_given_as_it_is(connected: Served) -> None:
    key_file = {"type": "service_account", "client_email": "a@b", "private_key": "k"}
    integration_id = added(
        connected, provider="google-sheets", credentials=key_file, settings={"spreadsheetId": "1AbC"}
    )
    stored = IntegrationStore(connected.database, CredentialsVault(KEY)).credentials_of(integration_id)
    assert json.loads(stored.values["serviceAccount"]) == key_file


def test_credentials_are_not_shown_to_another_address(connected: Served) -> None:
    where = f"integrations/{added(connected)}"
    moved = {"settings": {"baseUrl": "https://elsewhere.example.org"}}
    status, problem = call(connected, "PATCH", where, moved)
    assert (status, problem["errors"][0]["field"]) == (422, "credentials")
    status, changed = call(connected, "PATCH", where, {**moved, "credentials": {"accessToken": "new"}})
    assert (status, changed["settings"]["baseUrl"]) == (200, "https://elsewhere.example.org")


def test_a_token_of_a_workspace_meets_only_its_integrations_and_runs(connected: Served) -> None:
    own, other = added(connected), added(connected, workspaceId="other")
    run = a_run(connected, other, workspace_id="other")
    listed = call(connected, "GET", "integrations", headers=OF_ACME)[1]["integrations"]
    assert [each["integrationId"] for each in listed] == [own]
    assert call(connected, "GET", "integrations?workspaceId=other", headers=OF_ACME)[0] == 422
    assert call(connected, "POST", "integrations", {**HUBSPOT, "workspaceId": "other"}, headers=OF_ACME)[0] == 422
    for method, path, body in (
        ("GET", f"integrations/{other}", None),
        ("PATCH", f"integrations/{other}", {"name": "mine"}),
        ("DELETE", f"integrations/{other}", None),
        ("POST", f"integrations/{other}/check", None),
        ("POST", f"integrations/{other}/runs", {}),
        ("GET", f"integrations/{other}/runs", None),
        ("GET", f"sync-runs/{run.id}", None),
        ("GET", f"sync-runs/{run.id}/errors", None),
        ("POST", f"sync-runs/{run.id}/cancel", None),
    ):
        assert call(connected, method, path, body, headers=OF_ACME)[0] == 404, path
        assert call(connected, method, path.replace(other, own), body, headers=OF_ACME)[0] in (
            (404,) if "sync-runs" in path else (200, 202, 503, 404)
        )
    assert call(connected, "GET", f"integrations/{other}")[1]["name"] == ""


def test_a_second_request_to_sync_is_answered_with_the_unfinished_job(connected: Served) -> None:
    integration_id = added(connected)
    status, first = call(connected, "POST", f"integrations/{integration_id}/runs", {"mode": "full"})
    assert (status, first["status"]) == (202, "waiting")
    assert call(connected, "POST", f"integrations/{integration_id}/runs", {})[1]["jobId"] == first["jobId"]
    assert call(connected, "GET", f"integrations/{integration_id}")[1]["openJobId"] == first["jobId"]
    assert call(connected, "POST", f"integrations/{ObjectId()}/runs", {})[0] == 404

    assert call(connected, "DELETE", f"integrations/{integration_id}")[1]["cancelledJobId"] == first["jobId"]
    assert call(connected, "GET", f"jobs/{first['jobId']}")[1]["state"] == "cancelled"


def test_runs_are_shown_with_what_they_refused(connected: Served) -> None:
    integration_id = added(connected)
    run, latest = (a_run(connected, integration_id, job_id=f"job{n}") for n in range(2))
    _, first = call(connected, "GET", f"integrations/{integration_id}/runs?limit=1")
    _, rest = call(connected, "GET", f"integrations/{integration_id}/runs?limit=5&cursor={first['cursor']}")
    assert [each["runId"] for each in (*first["runs"], *rest["runs"])] == [str(latest.id), str(run.id)]
    assert call(connected, "GET", f"integrations/{integration_id}")[1]["latestRun"]["runId"] == str(latest.id)
    assert call(connected, "GET", f"integrations/{ObjectId()}/runs")[0] == 404

    status, shown = call(connected, "GET", f"sync-runs/{run.id}")
    assert (status, shown["counts"]["fetched"], shown["problems"]) == (200, 9, 3)
    assert [(group["reason"], group["rows"]) for group in shown["problemGroups"]] == [("invalid_phone", 3)]
    _, page = call(connected, "GET", f"sync-runs/{run.id}/errors?limit=2")
    _, rest = call(connected, "GET", f"sync-runs/{run.id}/errors?limit=2&cursor={page['cursor']}")
    assert [each["row"] for each in (*page["errors"], *rest["errors"])] == ["0", "1", "2"]
    assert (page["errors"][0]["value"], rest["cursor"]) == ("x", None)
    assert call(connected, "GET", "sync-runs/x")[0] == 404


def test_a_run_that_waits_is_cancelled_at_once_and_says_so(connected: Served) -> None:
    integration_id = added(connected)
    _, receipt = call(connected, "POST", f"integrations/{integration_id}/runs", {})
    run = a_run(connected, integration_id, job_id=receipt["jobId"])
    assert call(connected, "POST", f"sync-runs/{run.id}/cancel") == (
        200,
        {"jobId": receipt["jobId"], "queue": "integration-sync", "status": "cancelled"},
    )
    _, shown = call(connected, "GET", f"sync-runs/{run.id}")
    assert (shown["status"], "finishedAt" in shown) == ("cancelled", True)
    assert call(connected, "GET", f"integrations/{integration_id}")[1]["latestRun"]["status"] == "cancelled"
    assert call(connected, "POST", f"sync-runs/{run.id}/cancel")[0] == 409


def test_a_run_that_is_worked_on_is_asked_to_end(connected: Served, redis_client: "redis.Redis") -> None:
    integration_id = added(connected)
    _, receipt = call(connected, "POST", f"integrations/{integration_id}/runs", {})
    run = a_run(connected, integration_id, job_id=receipt["jobId"])
    JobQueue(redis_client, receipt["queue"]).scripts.run("fetch", 1, "worker", 60_000, 0)
    status, decided = call(connected, "POST", f"sync-runs/{run.id}/cancel")
    assert (status, decided["status"]) == (202, "cancelling")


def test_a_check_asks_the_sync_service_for_the_integration_alone(connected: Served, sync_service: Stub) -> None:
    integration_id = added(connected)
    answer = CheckAnswer(
        outcome=CheckOutcome.OK, account="HubSpot", fields=[CheckedField(name="email", label="Email", kind="string")]
    )
    sync_service.says(200, {"result": msgspec.to_builtins(answer)})
    status, checked = call(connected, "POST", f"integrations/{integration_id}/check")
    assert (status, checked["outcome"], checked["fields"][0]["name"]) == (200, "ok", "email")
    ((method, path, headers, body),) = sync_service.asked
    assert (method, path, headers["Authorization"]) == ("POST", "/run", "Bearer service")
    assert body["data"] == {"integrationId": integration_id, "workspaceId": "acme"}

    for broken in ((502, {}), (200, {"result": {"outcome": "?"}})):
        sync_service.says(*broken)
        assert call(connected, "POST", f"integrations/{integration_id}/check")[0] == 503


def test_without_a_key_no_credentials_are_taken(redis_url: str, mongo_uri: str) -> None:
    served = serve(settings_for(redis_url, mongo_uri))
    try:
        status, problem = call(served, "POST", "integrations", HUBSPOT)
        assert (status, "CREDENTIALS_KEY" in problem["detail"]) == (503, True)
        assert call(served, "GET", "integrations")[0] == 200
    finally:
        served.gateway.close()
        served.database.client.close()
