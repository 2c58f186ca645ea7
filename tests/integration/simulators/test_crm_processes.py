"""The CRM simulators as processes, steered over HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

NAMES = ["hubspot", "salesforce", "google_sheets"]


class Running:
    """A simulator in a process of its own: what it said of itself, and its admin API."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.process = process
        self.says: dict[str, Any] = json.loads(process.stdout.readline())

    def admin(self, method: str, path: str = "", **body: Any) -> Any:
        return self.answer(method, path, **body).json()

    def answer(self, method: str, path: str = "", **body: Any) -> requests.Response:
        return requests.request(method, f"{self.says['url']}/__simulator{path}", json=body or None, timeout=5)

    def contacts(self) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.says['token']}"}
        return requests.get(f"{self.says['url']}/crm/v3/objects/contacts?limit=100", headers=headers, timeout=5)


def started(name: str) -> Iterator[Running]:
    command = [sys.executable, "-m", f"libs.simulators.{name}", "--rows", "30", "--port", "0", "--exit-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Running(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.fixture
def hubspot() -> Iterator[Running]:
    yield from started("hubspot")


@pytest.mark.parametrize("name", NAMES)
def test_a_simulator_says_in_one_line_where_it_listens_and_what_lets_a_client_in(name: str) -> None:
    for running in started(name):
        assert running.says["rows"] == 30
        assert running.says["token"]
        assert running.admin("GET") == running.says


def test_faults_can_be_put_in_force_and_ended(hubspot: Running) -> None:
    hubspot.admin("POST", "/faults", fault="internal", count=1)
    assert hubspot.contacts().status_code == 500
    assert hubspot.contacts().status_code == 200
    hubspot.admin("POST", "/faults", fault="unavailable")
    assert [(plan["wish"]["fault"], plan["met"]) for plan in hubspot.admin("GET", "/faults")] == [
        ("internal", 1),
        ("unavailable", 0),
    ]
    hubspot.admin("DELETE", "/faults")
    assert hubspot.contacts().status_code == 200


def test_calls_can_be_read_and_forgotten(hubspot: Running) -> None:
    hubspot.contacts()
    (call,) = hubspot.admin("GET", "/calls")
    assert (call["endpoint"], call["key"], call["status"]) == ("contacts.list", "archived=false&after=&limit=100", 200)
    hubspot.admin("DELETE", "/calls")
    assert hubspot.admin("GET", "/calls") == []


def test_rows_can_be_changed(hubspot: Running) -> None:
    assert hubspot.admin("POST", "/rows/append", count=5) == {"from": 30, "to": 35}
    hubspot.admin("POST", "/rows/delete", indexes=[0, 1])
    hubspot.admin("POST", "/rows/restore", indexes=[1])
    hubspot.admin("POST", "/rows/edit", index=2, values={"email": "new@example.com"}, at=1_750_000_000_000)
    hubspot.admin("POST", "/rows/touch", every=10, at=1_760_000_000_000)
    contacts = {contact["id"]: contact for contact in hubspot.contacts().json()["results"]}
    assert len(contacts) == 34
    assert "901" not in contacts
    assert contacts["903"]["properties"]["email"] == "new@example.com"
    assert contacts["903"]["updatedAt"] == "2025-06-15T15:06:40Z"
    assert [each for each, contact in contacts.items() if contact["updatedAt"] == "2025-10-09T08:53:20Z"] == [
        "911",
        "921",
        "931",
    ]


def test_tokens_can_be_expired_and_revoked(hubspot: Running) -> None:
    form = {
        "grant_type": "refresh_token",
        "client_id": hubspot.says["clientId"],
        "client_secret": hubspot.says["clientSecret"],
        "refresh_token": hubspot.says["refreshToken"],
    }
    address = f"{hubspot.says['url']}/oauth/v1/token"
    hubspot.says["token"] = requests.post(address, data=form, timeout=5).json()["access_token"]
    assert hubspot.contacts().status_code == 200
    hubspot.admin("POST", "/tokens/expire")
    assert hubspot.contacts().status_code == 401
    hubspot.admin("POST", "/tokens/revoke")
    assert requests.post(address, data=form, timeout=5).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rows/touch", {"indexes": [30]}),
        ("/rows/touch", {"indices": [1]}),
        ("/rows/touch", {"indexes": [1], "table": "deals"}),
        ("/faults", {"fault": "earthquake"}),
        ("/faults", {"fault": "down"}),
        ("/weather", {}),
    ],
)
def test_what_the_admin_api_does_not_know_is_refused(hubspot: Running, path: str, body: dict[str, Any]) -> None:
    answer = hubspot.answer("POST", path, **body)
    assert answer.status_code == 400
    assert answer.json()["error"]
