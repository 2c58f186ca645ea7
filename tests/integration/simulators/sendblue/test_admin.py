"""The admin API and the process: the same levers and counts from outside."""

import signal
import subprocess
import sys
from typing import Any

import httpx
import msgspec
import pytest

from libs.simulators.sendblue import SendblueSimulator
from tests.integration.simulators.sendblue.account_client import AccountClient
from tests.integration.simulators.webhook_receiver import Hook, wait_for

ADA = "+15550000001"


def _admin(simulator: SendblueSimulator, method: str, path: str, body: object = None, **params: str) -> Any:
    response = httpx.request(method, f"{simulator.admin_url}/{path}", json=body, params=params)
    assert response.status_code in {200, 201}, response.text
    return response.json()


def test_it_says_where_the_account_is_and_changes_how_it_behaves(
    simulator: SendblueSimulator, client: AccountClient
) -> None:
    assert _admin(simulator, "GET", "") == simulator.describe()
    shown = _admin(simulator, "PATCH", "account", {"new_contacts_per_day": 0})
    assert shown["settings"]["new_contacts_per_day"] == 0
    assert client.send(ADA, "Hello").status_code == 429
    assert httpx.patch(f"{simulator.admin_url}/account", json={"colour": "red"}).status_code == 400
    assert [line["phone"] for line in _admin(simulator, "GET", "account")["lines"]] == [
        line.phone for line in simulator.lines
    ]


def test_it_counts_calls_and_deliveries(simulator: SendblueSimulator, client: AccountClient) -> None:
    client.send(ADA, "Hello", line=2)
    client.send(ADA, "Hello", line=2)
    client.get("evaluate-service", number=ADA)
    wait_for(lambda: simulator.state.deliveries.total() == 2, "deliveries")
    counts = _admin(simulator, "GET", "counts")["targets"]
    assert counts["line-2"]["endpoints"] == {"send-message": 2}
    assert counts["account"]["endpoints"] == {"evaluate-service": 1}
    assert _admin(simulator, "GET", "repeated")["repeated"] == [{"to": ADA, "text": "Hello", "count": 2}]
    assert _admin(simulator, "GET", "deliveries", target="line-1")["total"] == 0


def test_it_lets_messages_arrive_turns_the_clock_and_sets_who_can_be_reached(
    simulator: SendblueSimulator, client: AccountClient, webhook: Hook
) -> None:
    client.post("account/webhooks", {"webhooks": [webhook.url], "type": "receive"})
    handle = _admin(simulator, "POST", "lines/line-1/inbound", {"from": ADA, "text": "STOP"})["messageHandle"]
    wait_for(lambda: bool(webhook.received), "inbound message")
    assert webhook.received[0]["message_handle"] == handle
    before = simulator.state.now()
    _admin(simulator, "POST", "clock", {"seconds": 3600})
    assert (simulator.state.now() - before).total_seconds() >= 3600
    _admin(simulator, "PUT", "availability", {ADA: "unavailable"})
    assert client.get("evaluate-service", number=ADA).json()["service"] == "SMS"


def test_it_takes_the_service_down_and_up(simulator: SendblueSimulator, client: AccountClient) -> None:
    assert _admin(simulator, "POST", "down", {})["up"] is False
    with pytest.raises(httpx.ConnectError):
        client.get("v2/lines/usage")
    assert _admin(simulator, "POST", "up")["up"] is True
    assert client.get("v2/lines/usage").status_code == 200


def test_the_process_prints_where_it_listens_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "libs.simulators.sendblue", "--lines", "2", "--unlimited"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            described = msgspec.json.decode(process.stdout.readline())
            headers = {"sb-api-key-id": described["apiKeyId"], "sb-api-secret-key": described["apiSecretKey"]}
            usage = httpx.get(f"{described['serverUrl']}/api/v2/lines/usage", headers=headers).json()
            assert [line["phone"] for line in usage["lines"]] == [line["phone"] for line in described["lines"]]
            assert usage["lines"][0]["daily"]["limit"] is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
