"""Ping, server info, the password, and what is not there."""

import httpx
import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator
from tests.integration.simulators.bluebubbles.line_client import LineClient


def test_ping_answers_pong(client: LineClient) -> None:
    response = client.get("ping")
    assert response.status_code == 200
    assert response.json() == {"status": 200, "message": "Ping received!", "data": "pong"}
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"


def test_server_info_shows_what_the_line_can_do(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    info = client.get("server/info").json()["data"]
    assert set(info) == {
        "computer_id",
        "os_version",
        "server_version",
        "private_api",
        "proxy_service",
        "helper_connected",
        "detected_icloud",
        "detected_imessage",
        "macos_time_sync",
        "local_ipv4s",
        "local_ipv6s",
    }
    assert info["private_api"] is True
    assert info["helper_connected"] is True
    simulator.configure(1, helper_connected=False, imessage_account=None)
    info = client.get("server/info").json()["data"]
    assert info["helper_connected"] is False
    assert info["detected_imessage"] is None


@pytest.mark.parametrize("parameter", ["guid", "password", "token"])
def test_the_password_is_taken_under_three_names(simulator: BlueBubblesSimulator, parameter: str) -> None:
    line = simulator.lines[0]
    response = httpx.get(f"{line.server_url}/api/v1/ping", params={parameter: line.password})
    assert response.status_code == 200


def test_a_call_without_password_is_unauthorized(simulator: BlueBubblesSimulator) -> None:
    response = httpx.get(f"{simulator.lines[0].server_url}/api/v1/ping")
    assert response.status_code == 401
    assert response.json() == {
        "status": 401,
        "message": "You are not authorized to access this resource",
        "error": {"type": "Authentication Error", "message": "Missing server password!"},
    }


def test_one_lines_password_does_not_open_another(simulator: BlueBubblesSimulator) -> None:
    first, second = simulator.lines
    assert first.password != second.password
    response = httpx.get(f"{first.server_url}/api/v1/ping", params={"password": second.password})
    assert response.status_code == 401
    assert response.json()["error"] == {"type": "Authentication Error", "message": "Unauthorized"}


def test_an_unknown_path_is_not_found_in_plain_text(client: LineClient) -> None:
    response = client.get("no/such/thing")
    assert response.status_code == 404
    assert response.text == "Not Found"


def test_a_wrong_method_is_not_allowed(client: LineClient) -> None:
    response = client.post("ping", {})
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"


def test_a_body_that_is_no_json_is_an_unhandled_error(simulator: BlueBubblesSimulator) -> None:
    line = simulator.lines[0]
    response = httpx.post(
        f"{line.server_url}/api/v1/message/query",
        params={"password": line.password},
        content=b'{"limit": ',
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "Server Error"
