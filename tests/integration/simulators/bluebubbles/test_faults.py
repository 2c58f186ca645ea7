"""Everything that can go wrong on demand."""

import concurrent.futures
import time

import httpx
import pytest

from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.simulators.bluebubbles.line_client import LineClient
from tests.integration.simulators.webhook_receiver import wait_for

ADA = "+15550000001"
CHAT = f"iMessage;-;{ADA}"
AVAILABILITY = "handle/availability/imessage"


@pytest.fixture(autouse=True)
def _conversation(simulator: BlueBubblesSimulator) -> None:
    simulator.open_chat(1, ADA)


@pytest.mark.parametrize("status", [429, 502, 503, 504, 520, 524, 530])
def test_a_proxy_answers_in_html(simulator: BlueBubblesSimulator, client: LineClient, status: int) -> None:
    simulator.set_fault(line=1, fault=f"http_{status}", seconds=7, count=1)
    response = client.send(ADA, "Hello")
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["Retry-After"] == "7"
    assert str(status) in response.text
    assert simulator.state.deliveries.total() == 0
    assert client.send(ADA, "Hello").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("unauthorized", 401, "Authentication Error"),
        ("imessage_error", 500, "iMessage Error"),
        ("server_error", 500, "Server Error"),
        ("gateway_timeout", 504, "Gateway Timeout"),
    ],
)
def test_the_server_answers_with_an_error_of_its_own(
    simulator: BlueBubblesSimulator, client: LineClient, fault: str, status: int, kind: str
) -> None:
    simulator.set_fault(line=1, fault=fault, count=1)
    response = client.availability(ADA)
    assert response.status_code == status
    assert (response.json()["status"], response.json()["error"]["type"]) == (status, kind)
    assert client.availability(ADA).status_code == 200


def test_a_reset_comes_before_any_work(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="reset", count=1)
    with pytest.raises(httpx.ReadError):
        client.send(ADA, "Hello")
    assert simulator.state.deliveries.total() == 0
    (call,) = simulator.state.calls.select(endpoint="message/text")
    assert (call.status, call.fault) == (0, "reset")


def test_a_lost_answer_comes_after_the_delivery(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="answer_lost", count=1)
    with pytest.raises(httpx.ReadError):
        client.send(ADA, "Hello", "temp-1")
    assert simulator.state.deliveries.count(ADA, "Hello") == 1
    (found,) = client.query(chatGuid=CHAT).json()["data"]
    assert (found["text"], found["error"]) == ("Hello", 0)


def test_a_truncated_answer_breaks_off_in_its_body(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="truncated", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.send(ADA, "Hello")
    assert simulator.state.deliveries.count(ADA, "Hello") == 1
    assert simulator.state.calls.select(endpoint="message/text")[0].status == 0


def test_a_slow_send_goes_out_although_the_caller_has_left(simulator: BlueBubblesSimulator) -> None:
    simulator.set_fault(line=1, fault="slow", seconds=0.4, count=1)
    hasty = LineClient(simulator.lines[0], timeout_s=0.1)
    with pytest.raises(httpx.ReadTimeout):
        hasty.send(ADA, "Hello", "temp-1")
    assert simulator.state.deliveries.total() == 0
    assert "temp-1" in simulator.lines[0].in_flight
    wait_for(lambda: simulator.state.deliveries.count(ADA, "Hello") == 1, "late delivery")
    wait_for(lambda: not simulator.lines[0].in_flight, "end of the send")


def test_a_slow_answer_comes_after_the_delivery(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="slow_answer", seconds=0.3, count=1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        sending = pool.submit(client.send, ADA, "Hello", "temp-1")
        wait_for(lambda: simulator.state.deliveries.count(ADA, "Hello") == 1, "delivery")
        assert not sending.done()
        assert client.send(ADA, "Hello", "temp-1").status_code == 400
        assert sending.result().status_code == 200


def test_other_calls_can_be_slow_too(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(endpoint=AVAILABILITY, fault="slow", seconds=0.2, count=1)
    started = time.monotonic()
    assert client.availability(ADA).status_code == 200
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(("fault", "delivered"), [("hang", 0), ("hang_after_delivery", 1)])
def test_a_hanging_send_never_answers(simulator: BlueBubblesSimulator, fault: str, delivered: int) -> None:
    simulator.set_fault(line=1, fault=fault, count=1)
    with pytest.raises(httpx.ReadTimeout):
        LineClient(simulator.lines[0], timeout_s=0.2).send(ADA, "Hello", "temp-1")
    assert simulator.state.deliveries.total() == delivered
    assert "temp-1" in simulator.lines[0].in_flight


@pytest.mark.parametrize(("fault", "delivered"), [("error_undelivered", 0), ("error_delivered", 1)])
def test_an_error_does_not_say_whether_the_message_went_out(
    simulator: BlueBubblesSimulator, client: LineClient, fault: str, delivered: int
) -> None:
    simulator.set_fault(line=1, fault=fault, count=1)
    response = client.send(ADA, "Hello")
    assert response.status_code == 500
    assert response.json() == {
        "status": 500,
        "message": "Message Send Error",
        "error": {
            "type": "iMessage Error",
            "message": "Failed to send message! Message not found in database after 60 seconds!",
        },
    }
    assert simulator.state.deliveries.total() == delivered
    assert client.query(chatGuid=CHAT).json()["metadata"]["total"] == delivered


def test_a_refusal_can_come_with_the_answer_or_later(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="refused", count=1)
    assert client.send(ADA, "now").json()["data"]["error"] == 22
    simulator.set_fault(line=1, fault="refused_later", count=1)
    sent = client.send(ADA, "later")
    assert sent.status_code == 200
    guid = sent.json()["data"]["guid"]
    wait_for(lambda: client.get(f"message/{guid}").json()["data"]["error"] == 22, "refusal")
    assert simulator.state.deliveries.total() == 0


@pytest.mark.parametrize(("fault", "delivered"), [("crash_before_delivery", 0), ("crash_after_delivery", 1)])
def test_a_crash_takes_all_sends_in_hand_with_it_and_ends(
    simulator: BlueBubblesSimulator, client: LineClient, fault: str, delivered: int
) -> None:
    simulator.set_fault(line=1, fault="slow", seconds=30, count=1)
    simulator.set_fault(line=1, fault=fault, seconds=0.3, count=1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        bystander = pool.submit(client.send, ADA, "in hand", "temp-1")
        wait_for(lambda: bool(simulator.lines[0].in_flight), "a send in hand")
        with pytest.raises(httpx.TransportError):
            client.send(ADA, "Hello", "temp-2")
        with pytest.raises(httpx.TransportError):
            bystander.result()
    wait_for(lambda: not simulator.lines[0].is_up, "crash")
    with pytest.raises(httpx.ConnectError):
        client.get("ping")
    wait_for(lambda: simulator.lines[0].is_up, "restart")
    assert client.get("ping").status_code == 200
    assert simulator.state.deliveries.count(ADA, "Hello") == delivered
    assert simulator.state.deliveries.count(ADA, "in hand") == 0
    assert not simulator.lines[0].in_flight


def test_a_line_that_is_down_refuses_connections_and_others_do_not(
    simulator: BlueBubblesSimulator, client: LineClient, other_client: LineClient
) -> None:
    simulator.set_fault(line=1, fault="down")
    with pytest.raises(httpx.ConnectError):
        client.get("ping")
    assert other_client.get("ping").status_code == 200
    simulator.clear_faults(line=1)
    assert client.get("ping").status_code == 200


def test_going_down_resets_open_connections(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="hang")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        hanging = pool.submit(client.get, "ping")
        wait_for(lambda: simulator.state.calls.in_flight("line-1") == 1, "a call under way")
        simulator.take_down(1)
        with pytest.raises(httpx.TransportError):
            hanging.result()
    wait_for(lambda: simulator.state.calls.in_flight("line-1") == 0, "the call's end")


def test_an_outage_can_end_by_itself(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.take_down(1, seconds=0.2)
    assert not simulator.lines[0].is_up
    wait_for(lambda: simulator.lines[0].is_up, "return")
    assert client.get("ping").status_code == 200


def test_the_rate_limit_answers_as_the_proxy_does() -> None:
    with running_bluebubbles(lines=2, calls_per_second=5) as simulator:
        client = LineClient(simulator.lines[0])
        responses = [client.get("ping") for _ in range(8)]
        limited = [response for response in responses if response.status_code == 429]
        assert len(limited) >= 2
        assert [response.status_code for response in responses[:5]] == [200] * 5
        assert limited[0].headers["Retry-After"] == "1"
        assert limited[0].headers["Content-Type"].startswith("text/html")
        assert LineClient(simulator.lines[1]).get("ping").status_code == 200
        wait_for(lambda: client.get("ping").status_code == 200, "a free place")


def test_a_fault_can_be_for_one_line_endpoint_or_address(
    simulator: BlueBubblesSimulator, client: LineClient, other_client: LineClient
) -> None:
    simulator.set_fault(line="line-1", endpoint=AVAILABILITY, key="+15550000009", fault="server_error")
    assert client.availability("+15550000009").status_code == 500
    assert client.availability("+15550000008").status_code == 200
    assert client.get("ping").status_code == 200
    assert other_client.availability("+15550000009").status_code == 200


def test_a_fault_can_let_some_calls_pass_and_then_hit_some(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="server_error", skip=2, count=2)
    assert [client.get("ping").status_code for _ in range(6)] == [200, 200, 500, 500, 200, 200]
    assert simulator.state.faults.met("server_error") == 2


def test_a_fault_of_sends_leaves_other_calls_alone(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(line=1, fault="refused", count=1)
    assert client.get("ping").status_code == 200
    assert client.send(ADA, "Hello").status_code == 500


def test_a_fault_by_chance_hits_the_same_calls_in_every_run() -> None:
    runs = []
    for _ in range(2):
        with running_bluebubbles(seed=5) as simulator:
            simulator.set_fault(line=1, fault="server_error", probability=0.5)
            client = LineClient(simulator.lines[0])
            runs.append([client.get("ping").status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert {200, 500} == set(runs[0])


def test_faults_end_when_they_are_cleared(simulator: BlueBubblesSimulator, client: LineClient) -> None:
    simulator.set_fault(fault="server_error")
    assert client.get("ping").status_code == 500
    simulator.clear_faults()
    assert client.get("ping").status_code == 200


def test_an_unknown_fault_or_line_is_refused(simulator: BlueBubblesSimulator) -> None:
    with pytest.raises(ValueError, match="Unknown fault 'gremlins'; known are"):
        simulator.set_fault(fault="gremlins")
    with pytest.raises(KeyError, match="no line 9"):
        simulator.set_fault(line=9, fault="reset")
