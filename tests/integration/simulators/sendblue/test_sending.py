"""Sending messages, and what becomes of them."""

import httpx
import pytest

from libs.simulators.sendblue import SendblueSimulator
from tests.integration.simulators.sendblue.account_client import AccountClient
from tests.integration.simulators.webhook_receiver import Hook, wait_for

ADA = "+15550000001"


def test_an_accepted_message_is_queued_and_then_sent_and_delivered(
    simulator: SendblueSimulator, client: AccountClient
) -> None:
    response = client.send(ADA, "Hello")
    assert response.status_code == 200
    message = response.json()
    assert message["status"] == "QUEUED"
    assert message["is_outbound"] is True
    assert (message["number"], message["to_number"]) == (ADA, ADA)
    assert message["from_number"] == message["sendblue_number"] == simulator.lines[0].phone
    assert (message["error_code"], message["error_message"], message["was_downgraded"]) == (None, None, None)
    assert message["date_sent"].endswith("Z")
    wait_for(lambda: client.status(message["message_handle"]) == "DELIVERED", "delivery")
    (delivery,) = simulator.state.deliveries.select(to=ADA)
    assert (delivery.target, delivery.text, delivery.message_id) == ("line-1", "Hello", message["message_handle"])


def test_a_message_to_somebody_without_imessage_goes_by_sms_and_stays_sent(
    simulator: SendblueSimulator, client: AccountClient
) -> None:
    simulator.set_availability(ADA, False)
    handle = client.send(ADA, "Hello").json()["message_handle"]
    wait_for(lambda: client.status(handle) == "SENT", "the send")
    message = client.get(f"v2/messages/{handle}").json()["data"]
    assert (message["service"], message["was_downgraded"]) == ("SMS", True)
    assert simulator.state.deliveries.count(ADA, "Hello") == 1


def test_without_sms_a_message_to_somebody_without_imessage_ends_in_an_error(
    simulator: SendblueSimulator, client: AccountClient
) -> None:
    simulator.configure(falls_back_to_sms=False)
    simulator.set_availability(ADA, False)
    handle = client.send(ADA, "Hello").json()["message_handle"]
    wait_for(lambda: client.status(handle) == "ERROR", "the error")
    assert client.get("status", handle=handle).json()["error_code"] == 22
    assert simulator.state.deliveries.total() == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": None}, "Missing required parameter: number"),
        ({"number": "5550000001"}, "Invalid number: must be in E.164 format"),
        ({"from_number": None}, "Missing required parameter: from_number"),
        ({"from_number": "+15559999999"}, "from_number is not one of your Sendblue numbers"),
        ({"content": ""}, "Missing required parameter: content or media_url"),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(
    simulator: SendblueSimulator, client: AccountClient, changes: dict[str, object], words: str
) -> None:
    body = {"number": ADA, "from_number": simulator.lines[0].phone, "content": "Hello"}
    response = client.post("send-message", {**body, **changes})
    assert response.status_code == 400
    assert response.json() == {"status": "ERROR", "message": words, "error_message": words, "error_code": 4000}
    assert simulator.state.deliveries.total() == 0


@pytest.mark.parametrize("content", [b"{", b"[]"])
def test_a_body_that_is_no_json_object_is_refused(simulator: SendblueSimulator, content: bytes) -> None:
    response = httpx.post(f"{simulator.server_url}/api/send-message", headers=simulator.headers, content=content)
    assert (response.status_code, response.json()["error_code"]) == (400, 4000)


@pytest.mark.parametrize("header", ["sb-api-key-id", "sb-api-secret-key"])
@pytest.mark.parametrize("value", [None, "wrong"])
def test_both_keys_are_needed(simulator: SendblueSimulator, header: str, value: str | None) -> None:
    headers = dict(simulator.headers)
    del headers[header]
    if value is not None:
        headers[header] = value
    response = httpx.get(f"{simulator.server_url}/api/v2/lines/usage", headers=headers)
    assert response.status_code == 401


def test_every_change_of_status_is_posted_to_the_callback(client: AccountClient, webhook: Hook) -> None:
    handle = client.send(ADA, "Hello", status_callback=webhook.url).json()["message_handle"]
    wait_for(lambda: len(webhook.received) == 3, "three callbacks")
    assert {body["status"] for body in webhook.received} == {"QUEUED", "SENT", "DELIVERED"}
    assert {body["message_handle"] for body in webhook.received} == {handle}
    assert all("sb-signing-secret" not in headers for headers in webhook.headers)


def test_webhooks_are_called_with_their_secret(client: AccountClient, webhook: Hook) -> None:
    body = {"webhooks": [{"url": webhook.url, "secret": "quiet"}], "type": "outbound"}
    created = client.post("account/webhooks", body)
    assert created.status_code == 200
    assert client.get("account/webhooks").json()["webhooks"]["outbound"] == body["webhooks"]
    client.send(ADA, "Hello")
    wait_for(lambda: len(webhook.received) == 3, "three calls")
    assert {headers["sb-signing-secret"] for headers in webhook.headers} == {"quiet"}
    client.call("DELETE", "account/webhooks", body={"webhooks": [webhook.url], "type": "outbound"})
    assert client.get("account/webhooks").json()["webhooks"]["outbound"] == []


@pytest.mark.parametrize("body", [{}, {"webhooks": ["ftp://example.com"]}, {"webhooks": ["http://a"], "type": "x"}])
def test_a_webhook_that_breaks_a_rule_is_refused(client: AccountClient, body: dict[str, object]) -> None:
    assert client.post("account/webhooks", body).status_code == 400


def test_a_webhook_that_does_not_answer_is_tried_again(simulator: SendblueSimulator, client: AccountClient) -> None:
    client.post("account/webhooks", {"webhooks": ["http://127.0.0.1:9/closed"], "type": "receive"})
    simulator.receive(1, sender=ADA, text="Hi")
    wait_for(lambda: any(post.attempts == 3 for post in simulator.courier.posts()), "three attempts")


def test_a_webhook_that_fails_is_tried_again_and_one_that_refuses_is_not(
    simulator: SendblueSimulator, client: AccountClient, webhook: Hook
) -> None:
    client.post("account/webhooks", {"webhooks": [webhook.url], "type": "receive"})
    for status, attempts in ((500, 3), (404, 1)):
        webhook.answer = status
        simulator.receive(1, sender=ADA, text="Hi")
        wait_for(lambda: not simulator.courier.is_busy, "the end of all attempts")
        assert (simulator.courier.posts()[-1].attempts, simulator.courier.posts()[-1].status) == (attempts, status)


def test_an_inbound_stop_reaches_the_webhook_and_blocks_the_number(
    simulator: SendblueSimulator, client: AccountClient, webhook: Hook
) -> None:
    client.post("account/webhooks", {"webhooks": [webhook.url], "type": "receive", "globalSecret": "everybody"})
    handle = simulator.receive("line-2", sender=ADA, text=" stop ")
    wait_for(lambda: bool(webhook.received), "inbound message")
    (message,) = webhook.received
    assert (message["message_handle"], message["status"], message["is_outbound"]) == (handle, "RECEIVED", False)
    assert (message["from_number"], message["to_number"]) == (ADA, simulator.lines[1].phone)
    assert message["opted_out"] is True
    assert webhook.headers[0]["sb-signing-secret"] == "everybody"
    refused = client.send(ADA, "Hello")
    assert (refused.status_code, refused.json()["error_code"]) == (400, 4002)
    simulator.receive("line-2", sender=ADA, text="START")
    assert client.send(ADA, "Hello").status_code == 200
