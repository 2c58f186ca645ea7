"""What a line can bear: messages per second, new contacts per hour and day."""

import datetime as dt
import itertools

import pytest

from libs.simulators.sendblue import SendblueSimulator
from libs.simulators.sendblue.contacts import NewContacts, last_reset, next_reset
from tests.integration.simulators.sendblue.account_client import AccountClient
from tests.integration.simulators.webhook_receiver import wait_for

ADA = "+15550000001"


def _numbers(count: int, *, start: int = 0) -> list[str]:
    return [f"+1555000{start + number:04}" for number in range(count)]


@pytest.mark.alone
def test_a_line_sends_one_after_the_other_and_lines_do_not_wait_for_each_other(
    simulator: SendblueSimulator, client: AccountClient
) -> None:
    simulator.configure(sent_per_second=5.0)
    for line in (1, 2):
        for text in ("one", "two", "three"):
            assert client.send(ADA, text, line=line).json()["status"] == "QUEUED"
    assert simulator.lines[0].queued == 2
    wait_for(lambda: simulator.state.deliveries.total() == 6, "all deliveries")
    for name in ("line-1", "line-2"):
        times = [delivery.at for delivery in simulator.state.deliveries.select(target=name)]
        assert all(later - earlier >= 0.19 for earlier, later in itertools.pairwise(times))


def test_a_full_queue_is_too_many_requests(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.configure(sent_per_second=0.01, queue_length=2)
    answers = [client.send(ADA, f"text {number}").status_code for number in range(4)]
    assert answers == [200, 200, 200, 429]
    assert client.send(ADA, "text", line=2).status_code == 200


def test_a_line_takes_only_so_many_messages_a_second(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.configure(accepted_per_second=3)
    answers = [client.send(ADA, f"text {number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].json()["error_code"] == 4001
    assert "Retry-After" not in answers[3].headers
    wait_for(lambda: client.send(ADA, "text").status_code == 200, "a free place")


def test_new_contacts_are_limited_per_hour(simulator: SendblueSimulator, client: AccountClient) -> None:
    assert [client.send(number, "Hi").status_code for number in _numbers(15)] == [200] * 15
    refused = client.send(ADA.replace("0001", "9999"), "Hi")
    assert (refused.status_code, refused.json()["error_code"]) == (429, 5509)
    assert client.send(_numbers(1)[0], "Hi again").status_code == 200
    assert client.send("+15550009999", "Hi", line=2).status_code == 200
    usage = client.get("v2/lines/usage").json()
    line = usage["lines"][0]
    assert (usage["status"], usage["enabled"], line["phone"]) == ("OK", True, simulator.lines[0].phone)
    assert (line["state"], line["newContactLookbackDays"]) == ("limited", 30)
    assert (line["hourly"]["used"], line["hourly"]["limit"], line["hourly"]["remaining"]) == (15, 15, 0)
    assert (line["daily"]["used"], line["daily"]["remaining"]) == (15, 35)
    assert line["availableAt"] == line["hourly"]["nextSlotAt"]
    simulator.state.clock.advance(3_601)
    assert client.send("+15550009999", "Hi").status_code == 200
    assert client.get("v2/lines/usage").json()["lines"][0]["state"] == "available"


def test_new_contacts_are_limited_per_day(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.configure(new_contacts_per_hour=None, new_contacts_per_day=2)
    assert [client.send(number, "Hi").status_code for number in _numbers(3)] == [200, 200, 429]
    line = client.get("v2/lines/usage").json()["lines"][0]
    assert line["hourly"]["limit"] is None
    assert line["availableAt"] == line["daily"]["resetsAt"] == line["daily"]["nextSlotAt"]
    reset = dt.datetime.fromisoformat(line["daily"]["resetsAt"])
    simulator.state.clock.advance((reset - simulator.state.now()).total_seconds() + 1)
    assert client.send(_numbers(3)[2], "Hi").status_code == 200


def test_who_wrote_first_is_no_new_contact(simulator: SendblueSimulator, client: AccountClient) -> None:
    simulator.configure(new_contacts_per_day=0)
    assert client.send(ADA, "Hi").status_code == 429
    simulator.receive(1, sender=ADA, text="Hello?")
    assert client.send(ADA, "Hi").status_code == 200


def test_a_contact_is_new_again_after_thirty_silent_days() -> None:
    contacts = NewContacts()
    first = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    contacts.note_message(ADA, first, is_outbound=True)
    assert not contacts.is_new(ADA, first + dt.timedelta(days=30))
    assert contacts.is_new(ADA, first + dt.timedelta(days=30, seconds=1))


def test_the_day_resets_at_three_in_new_york_through_the_change_of_clocks() -> None:
    before = dt.datetime(2026, 3, 7, 12, tzinfo=dt.UTC)
    assert last_reset(before) == dt.datetime(2026, 3, 7, 8, tzinfo=dt.UTC)
    assert next_reset(before) == dt.datetime(2026, 3, 8, 7, tzinfo=dt.UTC)
    assert next_reset(next_reset(before)) == dt.datetime(2026, 3, 9, 7, tzinfo=dt.UTC)
