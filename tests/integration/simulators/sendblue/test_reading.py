"""Looking numbers up, and finding messages again."""

import datetime as dt

import httpx
import pytest

from libs.simulators.sendblue import SendblueSimulator
from tests.integration.simulators.sendblue.account_client import AccountClient

ADA = "+15550000001"
BEA = "+15550000002"


def test_a_number_has_imessage_or_sms(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.set_availability(BEA, False)
    assert client.get("evaluate-service", number=ADA).json() == {"number": ADA, "service": "iMessage"}
    assert client.get("evaluate-service", number=BEA).json() == {"number": BEA, "service": "SMS"}
    assert simulator.state.calls.per_key("evaluate-service") == {ADA: 1, BEA: 1}


def test_a_plus_sign_that_is_not_encoded_is_understood(simulator: SendblueSimulator) -> None:
    url = f"{simulator.server_url}/api/evaluate-service?number={ADA}"
    assert httpx.get(url, headers=simulator.headers).json()["number"] == ADA


@pytest.mark.parametrize("params", [{}, {"number": "ada@example.com"}, {"number": "555"}])
def test_a_look_up_needs_a_number(client: AccountClient, params: dict[str, str]) -> None:
    response = client.get("evaluate-service", **params)
    assert (response.status_code, response.json()["error_code"]) == (400, 4000)


def test_an_undetermined_number_is_an_internal_error(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.set_availability(ADA, "undetermined")
    response = client.get("evaluate-service", number=ADA)
    assert (response.status_code, response.json()["error_code"]) == (500, 5000)


def test_a_message_is_found_by_its_handle_in_two_places(client: AccountClient) -> None:
    handle = client.send(ADA, "Hello").json()["message_handle"]
    assert client.get("status", handle=handle).json()["content"] == "Hello"
    envelope = client.get(f"v2/messages/{handle}").json()
    assert (envelope["status"], envelope["data"]["content"]) == ("OK", "Hello")
    assert client.get("v2/messages/no-such-handle").status_code == 404
    assert client.get("status", handle="no-such-handle").status_code == 404
    assert client.get("status").status_code == 400


def test_messages_are_listed_newest_first_in_pages(client: AccountClient) -> None:
    for number in range(5):
        client.send(ADA, f"text {number}")
    page = client.get("v2/messages", limit="2", offset="1").json()
    assert [message["content"] for message in page["data"]] == ["text 3", "text 2"]
    assert page["pagination"] == {"total": 5, "limit": 2, "offset": 1, "hasMore": True}
    assert page["status"] == "OK"
    oldest = client.listed(order_by="createdAt", order_direction="asc", limit="1")
    assert [message["content"] for message in oldest] == ["text 0"]
    assert client.get("v2/messages", offset="4").json()["pagination"]["hasMore"] is False


def test_messages_are_listed_by_number_direction_and_line(simulator: SendblueSimulator, client: AccountClient) -> None:
    client.send(ADA, "to Ada")
    client.send(BEA, "to Bea", line=2)
    simulator.receive(1, sender=ADA, text="from Ada")
    phones = [line.phone for line in simulator.lines]

    def texts(**params: str) -> set[str]:
        return {message["content"] for message in client.listed(**params)}

    assert texts(number=ADA) == {"to Ada", "from Ada"}
    assert texts(to_number=ADA, is_outbound="true") == {"to Ada"}
    assert texts(from_number=ADA) == {"from Ada"}
    assert texts(sendblue_number=phones[1]) == {"to Bea"}
    assert texts(status="RECEIVED") == {"from Ada"}
    assert texts(is_outbound="false", number=BEA) == set()


def test_messages_are_listed_by_time(client: AccountClient) -> None:
    created = dt.datetime.fromisoformat(client.send(ADA, "Hello").json()["date_sent"])
    before, after = created - dt.timedelta(seconds=1), created + dt.timedelta(seconds=1)
    assert len(client.listed(created_at_gte=before.isoformat(), created_at_lte=after.isoformat())) == 1
    assert client.listed(created_at_gte=after.isoformat()) == []
    assert client.listed(created_at_lte=before.isoformat()) == []
    assert len(client.listed(sent_at_gte=before.isoformat())) == 1


@pytest.mark.parametrize(
    "params", [{"limit": "101"}, {"limit": "0"}, {"offset": "x"}, {"order_by": "x"}, {"created_at_gte": "yesterday"}]
)
def test_a_list_with_a_wrong_filter_is_refused(client: AccountClient, params: dict[str, str]) -> None:
    assert client.get("v2/messages", **params).status_code == 400


def test_the_list_may_be_read_so_often(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.configure(lists_per_10_seconds=2)
    assert [client.get("v2/messages").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("v2/lines/usage").status_code == 200


def test_a_message_may_take_its_time_to_appear_in_the_list(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.configure(list_lag_ms=60_000)
    handle = client.send(ADA, "Hello").json()["message_handle"]
    assert client.listed(number=ADA) == []
    assert client.get(f"v2/messages/{handle}").status_code == 200
    simulator.state.clock.advance(61)
    assert len(client.listed(number=ADA)) == 1
