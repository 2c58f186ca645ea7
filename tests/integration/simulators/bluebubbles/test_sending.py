"""Sending texts and starting chats."""

import concurrent.futures

import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator
from tests.integration.simulators.bluebubbles.line_client import LineClient
from tests.integration.simulators.webhook_receiver import wait_for

ADA = "+15550000001"


@pytest.fixture(autouse=True)
def _conversation(simulator: BlueBubblesSimulator) -> None:
    simulator.open_chat(1, ADA)


def test_a_sent_text_comes_back_with_its_reference(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    response = client.send(ADA, "Hello", "temp-1")
    assert response.status_code == 200
    envelope = response.json()
    assert envelope["message"] == "Message sent!"
    message = envelope["data"]
    assert message["text"] == "Hello"
    assert message["error"] == 0
    assert message["isFromMe"] is True
    assert message["isDelivered"] is False
    assert message["dateDelivered"] is None
    assert message["tempGuid"] == "temp-1"
    assert message["handle"]["address"] == ADA
    assert [chat["guid"] for chat in message["chats"]] == [f"iMessage;-;{ADA}"]
    (delivery,) = simulator.state.deliveries.select(to=ADA)
    assert (delivery.target, delivery.text, delivery.reference) == ("line-1", "Hello", "temp-1")
    assert delivery.message_id == message["guid"]


def test_a_message_is_delivered_a_little_later(client: LineClient) -> None:
    guid = client.send(ADA, "Hello").json()["data"]["guid"]
    wait_for(lambda: client.get(f"message/{guid}").json()["data"]["isDelivered"], "delivery")
    message = client.get(f"message/{guid}").json()["data"]
    assert message["dateDelivered"] == message["dateCreated"] + 5


def test_a_text_loses_the_white_space_at_its_ends(client: LineClient) -> None:
    assert client.send(ADA, "  Hello \n").json()["data"]["text"] == "Hello"


def test_the_private_api_does_not_send_into_a_chat_that_is_not_there(
    simulator: BlueBubblesSimulator, client: LineClient
) -> None:
    response = client.send("+15550000002", "Hello")
    assert response.status_code == 500
    assert response.json() == {
        "status": 500,
        "message": "Message Send Error",
        "error": {"type": "iMessage Error", "message": "Chat does not exist in IMChatRegistry!"},
    }
    assert simulator.state.deliveries.total() == 0


def test_apple_script_sends_into_a_chat_that_is_not_there(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    body = {"chatGuid": "iMessage;-;+15550000002", "message": "Hello", "tempGuid": "temp-1"}
    assert client.post("message/text", body).status_code == 200
    assert simulator.state.deliveries.count("+15550000002", "Hello") == 1


def test_a_new_chat_sends_its_first_message(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    response = client.start_chat("(555) 000-0002", "Hello", "temp-1")
    assert response.status_code == 200
    envelope = response.json()
    assert envelope["message"] == "Successfully created chat!"
    chat = envelope["data"]
    assert chat["guid"] == "iMessage;-;+15550000002"
    assert [handle["address"] for handle in chat["participants"]] == ["+15550000002"]
    (message,) = chat["messages"]
    assert (message["text"], message["tempGuid"], message["error"]) == ("Hello", "temp-1", 0)
    assert simulator.state.deliveries.count("+15550000002", "Hello") == 1
    assert client.get("chat/iMessage;-;+15550000002").status_code == 200
    assert client.send("+15550000002", "And again").status_code == 200


def test_a_reference_is_refused_only_while_it_is_in_flight(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, send_ms=300)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(client.send, ADA, "Hello", "temp-1")
        wait_for(lambda: "temp-1" in simulator.lines[0].in_flight, "in flight")
        second = client.send(ADA, "Hello", "temp-1")
        assert second.status_code == 400
        assert second.json()["error"] == {
            "type": "Validation Error",
            "message": "Message is already queued to be sent! (Temp GUID: temp-1)",
        }
        assert first.result().status_code == 200
    assert client.send(ADA, "Hello", "temp-1").status_code == 200
    assert simulator.state.deliveries.count(ADA, "Hello") == 2


def test_starting_a_chat_does_not_look_at_references(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, send_ms=200)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        starts = [pool.submit(client.start_chat, ADA, "Hello", "temp-1") for _ in range(2)]
        assert [start.result().status_code for start in starts] == [200, 200]
    assert simulator.state.deliveries.repeated() == {(ADA, "Hello"): 2}


def test_imessage_refuses_who_cannot_be_reached(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_availability(ADA, False)
    response = client.send(ADA, "Hello", "temp-1")
    assert response.status_code == 500
    envelope = response.json()
    assert envelope["error"] == {"type": "iMessage Error", "message": "Message failed to send!"}
    assert envelope["data"]["error"] == 22
    assert envelope["data"]["tempGuid"] == "temp-1"
    assert simulator.state.deliveries.total() == 0
    (kept,) = client.query(chatGuid=f"iMessage;-;{ADA}").json()["data"]
    assert kept["error"] == 22


def test_a_new_chat_with_who_cannot_be_reached_has_its_error_in_the_message(
    simulator: BlueBubblesSimulator, client: LineClient
) -> None:
    simulator.set_availability("+15550000002", False)
    response = client.start_chat("+15550000002", "Hello")
    assert response.status_code == 200
    assert response.json()["data"]["messages"][0]["error"] == 22
    assert simulator.state.deliveries.total() == 0


def test_nothing_can_be_sent_without_an_account(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, imessage_account=None)
    assert client.send(ADA, "Hello").json()["error"]["type"] == "iMessage Error"
    assert simulator.state.deliveries.total() == 0


def test_the_private_api_must_be_there_to_send_through_it(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.configure(1, private_api=False)
    sent = client.send(ADA, "Hello").json()
    assert (sent["message"], sent["error"]["type"]) == ("Message Send Error", "iMessage Error")
    started = client.start_chat(ADA, "Hello").json()
    assert (started["message"], started["error"]["type"]) == ("An unhandled error has occurred!", "Server Error")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"chatGuid": None}, "The chatGuid field is required."),
        ({"chatGuid": 5}, "The chatGuid must be a string."),
        ({"message": 5}, "The message must be a string."),
        ({"method": "pigeon"}, "The selected method is invalid."),
        ({"partIndex": -1}, "The partIndex must be at least 0."),
        ({"partIndex": "first"}, "The partIndex must be a number."),
        ({"message": "  "}, "A 'message' or 'subject' is required when sending via the Private API"),
        ({"method": "apple-script", "tempGuid": ""}, "A 'tempGuid' is required when sending via AppleScript"),
        ({"method": None, "message": ""}, "A 'message' is required when sending via AppleScript"),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused(
    simulator: BlueBubblesSimulator, client: LineClient, changes: dict[str, object], error: str
) -> None:
    body = {"chatGuid": f"iMessage;-;{ADA}", "message": "Hello", "tempGuid": "temp-1", "method": "private-api"}
    response = client.post("message/text", {**body, **changes})
    assert response.status_code == 400
    assert response.json()["error"] == {"type": "Validation Error", "message": error}
    assert simulator.state.deliveries.total() == 0


def test_the_message_field_must_be_there_even_when_empty(client: LineClient) -> None:
    response = client.post("message/text", {"chatGuid": f"iMessage;-;{ADA}", "method": "private-api"})
    assert response.json()["error"]["message"] == "The message field must be present (but can be empty)."


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"message": "Hi"}, 400, "The addresses field is required."),
        ({"addresses": ADA, "message": "Hi"}, 400, "The addresses must be an array."),
        ({"addresses": [ADA], "message": "Hi", "service": "Fax"}, 400, "The selected service is invalid."),
        (
            {"addresses": [ADA], "method": "private-api"},
            500,
            "A message is required when creating chats with the Private API!",
        ),
        (
            {"addresses": [ADA, "+15550000002"], "message": "Hi"},
            500,
            "Cannot create group chats on macOS Big Sur or newer!",
        ),
    ],
)
def test_a_new_chat_that_breaks_a_rule_is_refused(
    client: LineClient, body: dict[str, object], status: int, error: str
) -> None:
    response = client.post("chat/new", body)
    assert response.status_code == status
    assert response.json()["error"]["message"] == error
