"""Everything that can go wrong on demand."""

import concurrent.futures

import httpx
import pytest

from libs.simulators.sendblue import SendblueSimulator
from tests.integration.simulators.sendblue.account_client import AccountClient
from tests.integration.simulators.webhook_receiver import wait_for

ADA = "+15550000001"
SEND = "send-message"


@pytest.mark.parametrize("status", [429, 502, 503, 504, 520, 524, 530])
def test_a_proxy_answers_in_html(simulator: SendblueSimulator, client: AccountClient, status: int) -> None:
    simulator.set_fault(line=1, fault=f"http_{status}", count=1)
    response = client.send(ADA, "Hello")
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert simulator.state.messages.all() == []
    assert client.send(ADA, "Hello").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("unauthorized", 401, None),
        ("server_error", 500, 5000),
        ("rate_limited", 429, 4001),
        ("server_rate_exceeded", 429, 5003),
        ("sms_limit", 429, "SMS_LIMIT_REACHED"),
        ("blocked_number", 400, 4002),
        ("error_undelivered", 500, 5000),
    ],
)
def test_the_service_answers_with_an_error_of_its_own_and_sends_nothing(
    simulator: SendblueSimulator, client: AccountClient, fault: str, status: int, code: int | str | None
) -> None:
    simulator.set_fault(line=1, fault=fault, count=1)
    response = client.send(ADA, "Hello")
    assert (response.status_code, response.json().get("error_code")) == (status, code)
    assert response.json()["status"] == "ERROR"
    assert simulator.state.messages.all() == []


def test_an_error_may_come_although_the_message_goes_out(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.set_fault(line=1, fault="error_delivered", count=1)
    response = client.send(ADA, "Hello")
    assert (response.status_code, response.json()["error_code"]) == (500, 5000)
    wait_for(lambda: simulator.state.deliveries.count(ADA, "Hello") == 1, "delivery")
    assert [message["content"] for message in client.listed(number=ADA, is_outbound="true")] == ["Hello"]


def test_a_message_may_be_declined_at_once(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.set_fault(line=1, fault="declined", count=1)
    response = client.send(ADA, "Hello")
    assert (response.status_code, response.json()["status"]) == (200, "DECLINED")
    client.send(ADA, "Hello again")
    wait_for(lambda: simulator.state.deliveries.total() == 1, "the other message's delivery")
    assert simulator.state.deliveries.count(ADA, "Hello") == 0


@pytest.mark.parametrize(("fault", "code", "delivered"), [("failed_later", 10001, 0), ("unresolved", 10002, 1)])
def test_an_accepted_message_may_end_in_an_error(
    simulator: SendblueSimulator, client: AccountClient, fault: str, code: int, delivered: int
) -> None:
    simulator.set_fault(line=1, fault=fault, count=1)
    response = client.send(ADA, "Hello")
    assert response.json()["status"] == "QUEUED"
    handle = response.json()["message_handle"]
    wait_for(lambda: client.status(handle) == "ERROR", "the error")
    assert client.get("status", handle=handle).json()["error_code"] == code
    assert simulator.state.deliveries.total() == delivered


def test_a_reset_comes_before_any_work(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.set_fault(endpoint=SEND, fault="reset", count=1)
    with pytest.raises(httpx.ReadError):
        client.send(ADA, "Hello")
    assert simulator.state.messages.all() == []
    (call,) = simulator.state.calls.select(endpoint=SEND)
    assert (call.target, call.key, call.status, call.fault) == ("line-1", ADA, 0, "reset")


@pytest.mark.parametrize("fault", ["answer_lost", "truncated"])
def test_an_answer_may_be_lost_after_the_message_was_taken(
    simulator: SendblueSimulator, client: AccountClient, fault: str
) -> None:
    simulator.set_fault(endpoint=SEND, fault=fault, count=1)
    with pytest.raises(httpx.TransportError):
        client.send(ADA, "Hello")
    wait_for(lambda: simulator.state.deliveries.count(ADA, "Hello") == 1, "delivery")
    (found,) = client.listed(to_number=ADA)
    assert found["content"] == "Hello"


@pytest.mark.parametrize(("fault", "delivered"), [("hang", 0), ("hang_after_delivery", 1)])
def test_a_hanging_send_never_answers(simulator: SendblueSimulator, fault: str, delivered: int) -> None:
    simulator.set_fault(endpoint=SEND, fault=fault, count=1)
    with pytest.raises(httpx.ReadTimeout):
        AccountClient(simulator, timeout_s=0.2).send(ADA, "Hello")
    assert simulator.state.deliveries.total() == delivered


def test_a_slow_send_is_taken_although_the_caller_has_left(simulator: SendblueSimulator) -> None:
    simulator.set_fault(endpoint=SEND, fault="slow", seconds=0.4, count=1)
    with pytest.raises(httpx.ReadTimeout):
        AccountClient(simulator, timeout_s=0.1).send(ADA, "Hello")
    assert simulator.state.messages.all() == []
    wait_for(lambda: simulator.state.deliveries.count(ADA, "Hello") == 1, "late delivery")


def test_a_slow_answer_comes_after_the_delivery(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.set_fault(endpoint=SEND, fault="slow_answer", seconds=0.3, count=1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        sending = pool.submit(client.send, ADA, "Hello")
        wait_for(lambda: simulator.state.deliveries.count(ADA, "Hello") == 1, "delivery")
        assert not sending.done()
        assert sending.result().status_code == 200


@pytest.mark.parametrize(("fault", "delivered"), [("crash_before_delivery", 0), ("crash_after_delivery", 1)])
def test_a_crash_ends_and_the_queue_survives_it(
    simulator: SendblueSimulator, client: AccountClient, fault: str, delivered: int
) -> None:
    simulator.configure(sent_per_second=2.0)
    client.send(ADA, "first")
    client.send(ADA, "waiting")
    simulator.set_fault(endpoint=SEND, fault=fault, seconds=0.3, count=1)
    with pytest.raises(httpx.TransportError):
        client.send(ADA, "Hello", line=2)
    wait_for(lambda: not simulator.endpoint.is_open, "crash")
    with pytest.raises(httpx.ConnectError):
        client.send(ADA, "refused")
    wait_for(lambda: simulator.endpoint.is_open, "restart")
    wait_for(lambda: simulator.state.deliveries.count(ADA, "waiting") == 1, "the queue to go out")
    assert simulator.state.deliveries.count(ADA, "Hello") == delivered
    assert simulator.state.deliveries.repeated() == {}


def test_a_service_that_is_down_refuses_connections(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.set_fault(fault="down")
    with pytest.raises(httpx.ConnectError):
        client.get("v2/lines/usage")
    simulator.clear_faults()
    assert client.get("v2/lines/usage").status_code == 200


def test_a_fault_can_be_for_one_line_or_for_calls_that_are_for_none(
    simulator: SendblueSimulator, client: AccountClient
) -> None:
    simulator.set_fault(line="line-2", fault="server_error")
    assert client.send(ADA, "Hello", line=1).status_code == 200
    assert client.send(ADA, "Hello", line=2).status_code == 500
    assert client.get("evaluate-service", number=ADA).status_code == 200
    simulator.set_fault(line="account", endpoint="evaluate-service", fault="server_error")
    assert client.get("evaluate-service", number=ADA).status_code == 500


def test_an_unknown_fault_or_line_is_refused(simulator: SendblueSimulator) -> None:
    with pytest.raises(ValueError, match="Unknown fault 'gremlins'"):
        simulator.set_fault(fault="gremlins")
    with pytest.raises(KeyError, match="no line 9"):
        simulator.set_fault(line=9, fault="reset")
