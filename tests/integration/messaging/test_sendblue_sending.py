"""Sending by Sendblue against its simulator: what each answer is taken for, and what is found afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import aiohttp
import pytest

from libs.common.providers.sendblue.client import SendblueClient
from libs.common.providers.sendblue.sending import SendblueSender
from libs.common.providers.sending import CannotAsk, Outgoing, Refused, SearchAnswer, Seen, SendAnswer, Sent, Unknown
from libs.common.providers.sure_transport import SureTransport
from libs.simulators.sendblue import AccountSettings, SendblueSimulator, running_sendblue
from tests.integration.messaging.factories import ALICE, now
from tests.waiting import wait_until

BOB = "+12125550124"
HELLO = Outgoing(to=ALICE, text="Hello Alice", reference="tuco-1")

T = TypeVar("T")


@pytest.fixture
def simulator() -> Iterator[SendblueSimulator]:
    unlimited = AccountSettings(
        accepted_per_second=None, sent_per_second=None, new_contacts_per_day=None, new_contacts_per_hour=None
    )
    with running_sendblue(lines=2, available_ratio=1.0, account=unlimited) as simulator:
        yield simulator


class Line:
    """A line of the account as the adapter sees it; each call has a session of its own."""

    def __init__(self, simulator: SendblueSimulator, *, number: int = 0, timeout_s: float = 5.0) -> None:
        self.simulator = simulator
        self.phone = simulator.lines[number].phone
        self.timeout_s = timeout_s

    def send(self, message: Outgoing, callback: str | None = None) -> SendAnswer:
        return self._with(lambda sender: sender.send(message), callback)

    def find(self, message: Outgoing, *, since_s: float = 60) -> SearchAnswer:
        since, until = now() - timedelta(seconds=since_s), now() + timedelta(seconds=60)
        return self._with(lambda sender: sender.find(message, since=since, until=until))

    def _with(self, use: Callable[[SendblueSender], Awaitable[T]], callback: str | None = None) -> T:
        account = self.simulator.state

        async def run() -> T:
            session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout_s))
            transport = SureTransport(session)
            client = SendblueClient(
                transport,
                server_url=self.simulator.server_url,
                api_key_id=account.api_key_id,
                api_secret_key=account.api_secret_key,
            )
            try:
                return await use(
                    SendblueSender(client, from_number=self.phone, status_callback=lambda _message: callback)
                )
            finally:
                await transport.close()

        return asyncio.run(run())


@pytest.fixture
def line(simulator: SendblueSimulator) -> Line:
    return Line(simulator)


def ids(answer: SearchAnswer) -> list[str]:
    assert isinstance(answer, Seen)
    assert not answer.unclear
    return [sighting.provider_message_id for sighting in answer.sightings]


def delivered(simulator: SendblueSimulator) -> int:
    return simulator.state.deliveries.total()


def test_a_message_goes_out_by_its_line_with_its_callback(line: Line) -> None:
    answer = line.send(HELLO, callback="http://127.0.0.1:9/status?message=1")
    assert isinstance(answer, Sent)
    (only,) = wait_until(line.simulator.state.deliveries.select)
    assert (only.target, only.to, only.text) == ("line-1", ALICE, "Hello Alice")
    assert (only.message_id, only.reference) == (answer.provider_message_id, "http://127.0.0.1:9/status?message=1")


@pytest.mark.parametrize("fault", ["blocked_number", "declined"])
def test_what_is_refused_for_good_has_failed(line: Line, fault: str) -> None:
    line.simulator.set_fault(fault=fault, count=1)
    answer = line.send(HELLO)
    assert isinstance(answer, Refused)
    assert answer.lasting
    assert ids(line.find(HELLO)) == []


@pytest.mark.parametrize("fault", ["rate_limited", "server_rate_exceeded", "sms_limit", "http_429"])
def test_too_many_calls_mean_patience(line: Line, fault: str) -> None:
    line.simulator.set_fault(fault=fault, count=1)
    answer = line.send(HELLO)
    assert isinstance(answer, Refused)
    assert answer.busy
    assert not answer.lasting
    assert delivered(line.simulator) == 0


def test_wrong_keys_are_the_lines_fault(line: Line) -> None:
    line.simulator.set_fault(fault="unauthorized", count=1)
    answer = line.send(HELLO)
    assert isinstance(answer, Refused)
    assert answer.line_fault


def test_a_service_that_is_down_is_the_lines_fault(line: Line) -> None:
    line.simulator.set_fault(fault="down")
    assert line.send(HELLO) == Refused(reason="refused", line_fault=True)
    assert line.find(HELLO) == CannotAsk(reason="refused")


def test_a_number_that_is_none_is_refused_for_good(line: Line) -> None:
    answer = line.send(Outgoing(to="12", text="x", reference="tuco-1"))
    assert isinstance(answer, Refused)
    assert answer.lasting


UNKNOWN_AND_DELIVERED = ["answer_lost", "error_delivered", "truncated", "hang_after_delivery", "slow_answer"]
UNKNOWN_AND_NOT = ["reset", "hang", "error_undelivered", "server_error", "http_502", "http_503", "http_504", "http_520"]


@pytest.mark.parametrize(
    ("fault", "went_out"),
    [*((fault, True) for fault in UNKNOWN_AND_DELIVERED), *((fault, False) for fault in UNKNOWN_AND_NOT)],
)
def test_whatever_leaves_it_open_is_unknown_and_can_be_found_out(
    simulator: SendblueSimulator, fault: str, went_out: bool
) -> None:
    simulator.set_fault(fault=fault, count=1, seconds=2, endpoint="send-message")
    line = Line(simulator, timeout_s=0.5)
    assert isinstance(line.send(HELLO), Unknown)
    if went_out:
        wait_until(lambda: delivered(simulator) == 1)
    found = ids(line.find(HELLO))
    assert found == [d.message_id for d in simulator.state.deliveries.select()]
    assert len(found) == went_out


class TestFind:
    def test_only_the_same_line_recipient_text_and_time_fit(self, line: Line) -> None:
        sent = line.send(HELLO)
        assert isinstance(sent, Sent)
        Line(line.simulator, number=1).send(HELLO)
        line.send(Outgoing(to=BOB, text=HELLO.text, reference="x"))
        line.send(Outgoing(to=ALICE, text="Another", reference="x"))
        line.simulator.receive(1, sender=ALICE, text=HELLO.text)
        assert ids(line.find(HELLO)) == [sent.provider_message_id]
        assert ids(line.find(HELLO, since_s=-30)) == []

    def test_one_that_failed_later_did_not_go_out(self, line: Line) -> None:
        line.simulator.set_fault(fault="failed_later", count=1)
        assert isinstance(line.send(HELLO), Sent)
        wait_until(lambda: ids(line.find(HELLO)) == [])

    def test_one_whose_status_is_not_known_did_go_out(self, line: Line) -> None:
        line.simulator.set_fault(fault="unresolved", count=1)
        sent = line.send(HELLO)
        assert isinstance(sent, Sent)
        wait_until(lambda: delivered(line.simulator) == 1)
        assert ids(line.find(HELLO)) == [sent.provider_message_id]

    def test_a_long_list_is_read_page_by_page(self, line: Line) -> None:
        for _ in range(101):
            line.send(HELLO)
        assert len(ids(line.find(HELLO))) == 101

    @pytest.mark.parametrize("fault", ["http_502", "truncated", "hang", "unauthorized", "rate_limited"])
    def test_a_service_that_cannot_be_asked_says_nothing_about_the_message(
        self, simulator: SendblueSimulator, fault: str
    ) -> None:
        simulator.set_fault(fault=fault)
        answer = Line(simulator, timeout_s=0.3).find(HELLO)
        assert isinstance(answer, CannotAsk)
        assert not answer.lasting
