"""Who can be reached by iMessage, and what the line says when it cannot know."""

import httpx
import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.simulators.bluebubbles.line_client import LineClient

ADDRESSES = [f"+1555{number:07}" for number in range(60)]


def test_an_available_address_is_available(client: LineClient) -> None:
    response = client.availability("+15551234567")
    assert response.status_code == 200
    assert response.json() == {"status": 200, "message": "Success", "data": {"available": True}}


def test_the_rule_gives_the_same_answers_on_every_line_and_in_every_run() -> None:
    answers = []
    for _ in range(2):
        with running_bluebubbles(lines=2, seed=3, available_ratio=0.5) as simulator:
            for line in simulator.lines:
                client = LineClient(line)
                answers.append([client.availability(a).json()["data"]["available"] for a in ADDRESSES])
    assert all(answer == answers[0] for answer in answers)
    assert 15 < sum(answers[0]) < 45


def test_another_seed_makes_others_reachable() -> None:
    with (
        running_bluebubbles(seed=3, available_ratio=0.5) as one,
        running_bluebubbles(seed=4, available_ratio=0.5) as other,
    ):
        rules = [one.state.availability, other.state.availability]
        assert [rules[0].of(a) for a in ADDRESSES] != [rules[1].of(a) for a in ADDRESSES]


def test_an_exception_overrides_the_rule(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_availability("+1 (555) 123-4567", False)
    assert client.availability("+15551234567").json()["data"] == {"available": False}


def test_an_undetermined_address_is_a_server_error(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_availability("Ada@Example.com", "undetermined")
    response = client.availability("ada@example.com")
    assert response.status_code == 500
    assert response.json() == {
        "status": 500,
        "message": "An unhandled error has occurred!",
        "error": {"type": "Server Error", "message": "Failed to determine iMessage availability!"},
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"private_api": False}, "iMessage Private API is not enabled!"),
        ({"helper_connected": False}, "iMessage Private API Helper is not connected!"),
    ],
)
def test_without_the_private_api_it_is_the_lines_fault(
    simulator: BlueBubblesSimulator, client: LineClient, changes: dict[str, object], reason: str
) -> None:
    simulator.configure("line-1", **changes)
    response = client.availability("+15551234567")
    assert response.status_code == 500
    assert response.json()["error"] == {"type": "iMessage Error", "message": reason}
    assert "completed the setup for the Private API" in response.json()["message"]


def test_a_mac_that_is_signed_out_finds_nobody_reachable(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, imessage_account=None)
    assert client.availability("+15551234567").json()["data"] == {"available": False}


def test_an_address_is_required(client: LineClient) -> None:
    response = client.get("handle/availability/imessage")
    assert response.status_code == 400
    assert response.json() == {
        "status": 400,
        "message": "You've made a bad request! Please check your request params & body",
        "error": {"type": "Validation Error", "message": "The address field is required."},
    }


def test_the_password_is_checked_before_the_private_api(simulator: BlueBubblesSimulator) -> None:
    simulator.configure(1, private_api=False)
    url = f"{simulator.lines[0].server_url}/api/v1/handle/availability/imessage"
    assert httpx.get(url, params={"password": "wrong"}).status_code == 401


def test_an_unencoded_plus_sign_makes_another_number_of_a_foreign_one(
    simulator: BlueBubblesSimulator, client: LineClient
) -> None:
    line = simulator.lines[0]
    httpx.get(f"{line.server_url}/api/v1/handle/availability/imessage?password={line.password}&address=+442071234567")
    assert simulator.state.calls.per_key("handle/availability/imessage") == {"+1442071234567": 1}
