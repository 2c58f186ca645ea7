"""Registering webhooks, and the events that reach them."""

import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator
from tests.integration.simulators.bluebubbles.line_client import LineClient
from tests.integration.simulators.webhook_receiver import Hook, wait_for

ADA = "+15550000001"


@pytest.fixture(autouse=True)
def _conversation(simulator: BlueBubblesSimulator) -> None:
    simulator.open_chat(1, ADA)


def test_a_webhook_is_created_listed_and_deleted(client: LineClient) -> None:
    created = client.post("webhook", {"url": "http://example.com/hook", "events": ["new-message"]}).json()
    assert created["message"] == "Successfully created webhook!"
    webhook = created["data"]
    assert (webhook["url"], webhook["events"], webhook["id"]) == ("http://example.com/hook", ["new-message"], 1)
    assert client.get("webhook").json()["data"] == [webhook]
    assert client.get("webhook", url=webhook["url"]).json()["data"] == [webhook]
    assert client.call("DELETE", "webhook/1").json() == {"status": 200, "message": "Successfully deleted webhook!"}
    assert client.get("webhook").json()["data"] == []


def test_a_known_url_keeps_its_webhook_and_its_events(client: LineClient) -> None:
    first = client.post("webhook", {"url": "http://example.com/hook", "events": ["new-message"]}).json()["data"]
    again = client.post("webhook", {"url": "http://example.com/hook", "events": ["*"]}).json()["data"]
    assert again == first


def test_webhooks_that_are_not_there_cannot_be_read_or_deleted(client: LineClient) -> None:
    assert client.get("webhook", id="9").status_code == 500
    assert client.call("DELETE", "webhook/9").json()["error"]["message"] == "Webhook does not exist!"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"events": ["*"]}, "The url field is required."),
        ({"url": "ftp://example.com", "events": ["*"]}, "Webhook URL must include an HTTP scheme!"),
        ({"url": "http://example.com", "events": []}, "The events field is required."),
        ({"url": "http://example.com", "events": [1]}, "Webhook events must be strings!"),
    ],
)
def test_a_webhook_that_breaks_a_rule_is_refused(client: LineClient, body: dict[str, object], error: str) -> None:
    response = client.post("webhook", body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, error)


def test_a_send_is_announced_with_its_reference_and_then_its_delivery(client: LineClient, webhook: Hook) -> None:
    client.post("webhook", {"url": webhook.url, "events": ["*"]})
    guid = client.send(ADA, "Hello", "temp-1").json()["data"]["guid"]
    wait_for(lambda: len(webhook.received) == 3, "three events")
    announced = webhook.of("new-message")
    assert [message.get("tempGuid") for message in announced] in (["temp-1", None], [None, "temp-1"])
    assert {message["guid"] for message in announced} == {guid}
    (updated,) = webhook.of("updated-message")
    assert (updated["guid"], updated["isDelivered"], updated["isFromMe"]) == (guid, True, True)
    assert updated["dateDelivered"] is not None
    assert "chats" not in updated
    assert webhook.headers[0]["Content-Type"] == "application/json"


def test_only_events_asked_for_are_posted(client: LineClient, webhook: Hook) -> None:
    client.post("webhook", {"url": webhook.url, "events": ["updated-message"]})
    client.send(ADA, "Hello")
    wait_for(lambda: bool(webhook.of("updated-message")), "delivery")
    assert [body["type"] for body in webhook.received] == ["updated-message"]


def test_an_inbound_message_reaches_the_webhook(
    simulator: BlueBubblesSimulator, client: LineClient, webhook: Hook
) -> None:
    client.post("webhook", {"url": webhook.url, "events": ["new-message"]})
    guid = simulator.receive(1, sender="(555) 000-0001", text="STOP")
    wait_for(lambda: bool(webhook.received), "inbound message")
    (message,) = webhook.of("new-message")
    assert (message["guid"], message["text"], message["isFromMe"]) == (guid, "STOP", False)
    assert message["handle"]["address"] == ADA
    assert message["chats"][0]["participants"][0]["address"] == ADA


def test_a_refused_send_is_announced_as_an_error(
    simulator: BlueBubblesSimulator, client: LineClient, webhook: Hook
) -> None:
    simulator.set_availability(ADA, False)
    client.post("webhook", {"url": webhook.url, "events": ["*"]})
    client.send(ADA, "Hello", "temp-1")
    wait_for(lambda: bool(webhook.received), "send error")
    (message,) = webhook.of("message-send-error")
    assert (message["error"], message["tempGuid"]) == (22, "temp-1")


def test_a_line_can_be_told_to_keep_its_webhooks_quiet(
    simulator: BlueBubblesSimulator, client: LineClient, webhook: Hook
) -> None:
    client.post("webhook", {"url": webhook.url, "events": ["new-message"]})
    simulator.configure(1, deliver_webhooks=False)
    client.send(ADA, "Hello")
    simulator.configure(1, deliver_webhooks=True)
    simulator.receive(1, sender=ADA, text="Hi")
    wait_for(lambda: bool(webhook.received), "inbound message")
    assert [message["text"] for message in webhook.of("new-message")] == ["Hi"]


def test_a_webhook_that_cannot_be_reached_is_tried_once(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    client.post("webhook", {"url": "http://127.0.0.1:9/closed", "events": ["new-message"]})
    simulator.receive(1, sender=ADA, text="Hi")
    wait_for(lambda: any(post.attempts for post in simulator.courier.posts()), "an attempt")
    wait_for(lambda: not simulator.courier.is_busy, "the end of the attempt")
    assert [(post.attempts, post.status) for post in simulator.courier.posts()] == [(1, 0)]
