"""The commands about messages, stops and schedules: what they ask of the gateway and what they print."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.cli.program import run_inside
from tests.end_to_end.cli.stub_gateway import StubGateway, stub_gateway

Completed = subprocess.CompletedProcess[str]

MESSAGE = "5f0000000000000000000001"


@pytest.fixture
def stub() -> Iterator[StubGateway]:
    with stub_gateway() as running:
        yield running


@pytest.fixture
def tuco(stub: StubGateway, tmp_path: Path) -> Callable[..., Completed]:
    def call(*arguments: str) -> Completed:
        variables = {"BULLMQ_SERVER_URL": stub.url, "SERVICE_TOKEN": "st", "ADMIN_TOKEN": "at"}
        return run_inside(*arguments, folder=tmp_path, environ=variables, stdin="")

    return call


def asked(stub: StubGateway) -> tuple[str, str, Any]:
    last = stub.asked[-1]
    return last.method, last.path.removeprefix("/api/bullmq"), last.body


def test_explain_says_why_and_until_when(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    answer = {
        "status": "queued",
        "explanation": "It waits: its line has quiet hours.",
        "earliestAt": "2026-01-01T09:00:00Z",
    }
    stub.answer("GET", f"/messages/{MESSAGE}/explain", answer)
    people, programs = tuco("explain", MESSAGE), tuco("explain", MESSAGE, "--json")
    assert (people.returncode, programs.returncode) == (0, 0)
    assert "It waits: its line has quiet hours." in people.stdout
    assert json.loads(programs.stdout) == answer


def test_an_unknown_message_is_wrong_input(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.refuse("GET", "/messages/x/explain", 422, "messageId: expected an ObjectId")
    found = tuco("explain", "x")
    assert found.returncode == 2
    assert "expected an ObjectId" in found.stderr


def test_a_person_decides_about_an_uncertain_message(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer(
        "GET", "/messages/uncertain", {"messages": [{"messageId": MESSAGE, "workspaceId": "w1", "error": "timeout"}]}
    )
    assert MESSAGE in tuco("message", "uncertain").stdout
    stub.answer("POST", f"/messages/{MESSAGE}/resolve", {"status": "sent"})
    found = tuco("message", "resolve", MESSAGE, "mark-sent")
    assert found.stdout.strip() == "The message is sent now."
    method, path, body = asked(stub)
    assert (method, path, body["resolution"]) == ("POST", f"/messages/{MESSAGE}/resolve", "mark-sent")
    assert body["by"]


def test_a_decision_that_comes_too_late_says_so(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.refuse("POST", f"/messages/{MESSAGE}/cancel", 409, "The message is sent, which leaves nothing to decide.")
    found = tuco("message", "cancel", MESSAGE)
    assert found.returncode == 2
    assert "leaves nothing to decide" in found.stderr


def test_a_campaign_is_shown(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    answer = {"byStatus": {"sent": 3, "queued": 2}, "waitingFor": {"line_per_day": 2}, "lastAt": "2026-01-03T09:00:00Z"}
    stub.answer("GET", "/workspaces/w1/campaigns/c1", answer)
    shown = tuco("campaign", "c1", "--workspace", "w1").stdout
    assert "waiting for line_per_day  2" in shown
    assert "2026-01-03T09:00:00Z" in shown


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        (("workspace",), {"scope": "workspace", "workspaceId": "w1"}),
        (("campaign", "c1"), {"scope": "campaign", "workspaceId": "w1", "target": "c1"}),
    ],
)
def test_a_stop_is_placed_and_ended(
    tuco: Callable[..., Completed], stub: StubGateway, arguments: tuple[str, ...], order: dict[str, Any]
) -> None:
    stub.answer("POST", "/stops", {"cancelled": 1200})
    found = tuco("stop", *arguments, "--workspace", "w1", "--cancel", "--reason", "too loud")
    assert found.stdout.strip() == "Stopped. 1,200 messages are cancelled."
    assert asked(stub)[2] == {**order, "cancel": True, "reason": "too loud"}
    stub.answer("POST", "/stops/lift", {"woken": 5})
    assert "5 messages were woken" in tuco("resume", *arguments, "--workspace", "w1").stdout
    assert asked(stub)[2] == order


def test_a_stop_without_its_target_is_wrong_usage(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    found = tuco("stop", "line", "--workspace", "w1")
    assert found.returncode == 2
    assert "Which line?" in found.stderr


def test_stops_are_listed(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    stub.answer("GET", "/stops?workspaceId=w1", {"stops": [{"scope": "line", "target": "l1", "at": "2026-01-01"}]})
    assert "holds" in tuco("stops", "--workspace", "w1").stdout


def test_schedules_are_listed_and_changed(tuco: Callable[..., Completed], stub: StubGateway) -> None:
    known = {"name": "health-check", "jobType": "health-check", "cron": "*/5 * * * *", "timezone": "UTC"}
    stub.answer("GET", "/schedules", {"schedules": [known]})
    assert "*/5 * * * *" in tuco("schedule", "list").stdout
    stub.answer("PUT", "/schedules/health-check", {**known, "nextAt": "2026-01-01T00:05:00Z"})
    assert "2026-01-01T00:05:00Z" in tuco("schedule", "set", "health-check", "--cron", "0 * * * *", "--off").stdout
    assert asked(stub) == ("PUT", "/schedules/health-check", {"cron": "0 * * * *", "enabled": False})
    assert stub.asked[-1].token == "at"
    stub.answer(
        "GET", "/schedules/health-check/ticks", {"ticks": [{"tick": "t", "outcome": "late", "reason": "12 s late"}]}
    )
    assert "12 s late" in tuco("schedule", "ticks", "health-check").stdout
