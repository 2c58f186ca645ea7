"""The admin API: the same levers and counts over HTTP."""

from typing import Any

import httpx
import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator
from tests.integration.simulators.bluebubbles.line_client import LineClient
from tests.integration.simulators.webhook_receiver import Hook, wait_for

ADA = "+15550000001"


class Admin:
    """A plain client of the admin API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, method: str, path: str, body: object = None, **params: str) -> tuple[int, Any]:
        response = httpx.request(method, f"{self._url}/{path}", json=body, params=params)
        return response.status_code, response.json()

    def get(self, path: str, **params: str) -> Any:
        status, content = self.call("GET", path, **params)
        assert status == 200
        return content


@pytest.fixture
def admin(simulator: BlueBubblesSimulator) -> Admin:
    """A client of the simulator's admin API."""
    return Admin(simulator.admin_url)


def test_it_says_where_the_lines_are(simulator: BlueBubblesSimulator, admin: Admin) -> None:
    assert admin.get("") == simulator.describe()
    assert [line["up"] for line in admin.get("lines")["lines"]] == [True, True]


def test_it_is_no_part_of_a_lines_own_address(simulator: BlueBubblesSimulator) -> None:
    url = httpx.URL(simulator.lines[0].server_url)
    assert httpx.get(url.copy_with(path="/__admin/")).status_code == 404


def test_it_gives_counts_keys_and_calls(client: LineClient, admin: Admin) -> None:
    client.availability(ADA)
    client.availability(ADA)
    client.get("ping")
    counts = admin.get("counts")
    assert counts["total"] == 3
    assert counts["targets"]["line-1"]["endpoints"] == {"handle/availability/imessage": 2, "ping": 1}
    assert counts["targets"]["line-1"]["inFlight"] == 0
    assert counts["targets"]["line-1"]["mostInFlight"] == 1
    repeated = admin.get("keys", endpoint="handle/availability/imessage", repeated="1", answered="1")
    assert repeated == {"distinct": 1, "keys": {ADA: 2}}
    calls = admin.get("calls", key=ADA, limit="1")
    assert calls["total"] == 2
    assert [(call["endpoint"], call["status"]) for call in calls["calls"]] == [("handle/availability/imessage", 200)]
    admin.call("DELETE", "calls")
    assert admin.get("counts")["total"] == 0


def test_it_sets_shows_and_ends_faults(client: LineClient, admin: Admin) -> None:
    status, _ = admin.call("POST", "faults", {"fault": "server_error", "target": "line-1", "count": 2})
    assert status == 201
    assert client.get("ping").status_code == 500
    (planned,) = admin.get("faults")["faults"]
    assert (planned["wish"]["fault"], planned["met"], planned["left"]) == ("server_error", 1, 1)
    admin.call("DELETE", "faults", target="line-1")
    assert client.get("ping").status_code == 200


@pytest.mark.parametrize(
    "body",
    [{"fault": "gremlins"}, {"fault": "reset", "colour": "red"}, {"fault": "reset", "count": "many"}, {}],
)
def test_a_wrong_fault_is_refused_with_its_reason(admin: Admin, body: dict[str, object]) -> None:
    status, content = admin.call("POST", "faults", body)
    assert status == 400
    assert content["error"]


def test_it_takes_a_line_down_and_up(client: LineClient, admin: Admin) -> None:
    status, line = admin.call("POST", "lines/line-1/down", {})
    assert (status, line["up"]) == (200, False)
    with pytest.raises(httpx.ConnectError):
        client.get("ping")
    admin.call("POST", "lines/line-1/up")
    assert client.get("ping").status_code == 200
    assert admin.call("POST", "lines/line-9/up")[0] == 400


def test_it_changes_a_lines_settings(client: LineClient, admin: Admin) -> None:
    status, line = admin.call("PATCH", "lines/line-1", {"private_api": False})
    assert (status, line["settings"]["private_api"]) == (200, False)
    assert client.availability(ADA).status_code == 500
    assert admin.call("PATCH", "lines/line-1", {"private_api": "maybe"})[0] == 400
    assert admin.call("PATCH", "lines/line-1", {"colour": "red"})[0] == 400


def test_it_makes_exceptions_to_who_can_be_reached(client: LineClient, admin: Admin) -> None:
    admin.call("PUT", "availability", {ADA: "unavailable"})
    assert client.availability(ADA).json()["data"] == {"available": False}
    assert admin.call("PUT", "availability", {ADA: "perhaps"})[0] == 400


def test_it_shows_what_went_out(client: LineClient, admin: Admin) -> None:
    client.start_chat(ADA, "Hello", "temp-1")
    client.send(ADA, "Hello", "temp-2")
    found = admin.get("deliveries", to=ADA, text="Hello")
    assert found["total"] == 2
    assert [delivery["reference"] for delivery in found["deliveries"]] == ["temp-1", "temp-2"]
    assert admin.get("repeated") == {"repeated": [{"to": ADA, "text": "Hello", "count": 2}]}
    admin.call("DELETE", "deliveries")
    assert admin.get("deliveries")["total"] == 0


def test_it_lets_a_message_arrive(client: LineClient, admin: Admin, webhook: Hook) -> None:
    client.post("webhook", {"url": webhook.url, "events": ["new-message"]})
    assert admin.call("POST", "lines/line-1/inbound", {"from": ADA, "text": "STOP"})[0] == 201
    wait_for(lambda: bool(webhook.received), "inbound message")
    assert webhook.of("new-message")[0]["text"] == "STOP"
    wait_for(lambda: admin.get("webhooks", event="new-message")["webhooks"][0]["status"] == 204, "the answer")


def test_it_lets_a_conversation_exist(client: LineClient, admin: Admin) -> None:
    assert client.send(ADA, "Hello").status_code == 500
    assert admin.call("POST", "lines/line-1/chats", {"address": ADA}) == (201, {"guid": f"iMessage;-;{ADA}"})
    assert client.send(ADA, "Hello").status_code == 200
