"""Sending by BlueBubbles against its simulator: what each answer is taken for, and what is found afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import aiohttp
import pytest

from libs.common.providers.bluebubbles.client import BlueBubblesClient
from libs.common.providers.bluebubbles.sending import BlueBubblesSender
from libs.common.providers.sending import CannotAsk, Outgoing, Refused, SearchAnswer, Seen, SendAnswer, Sent, Unknown
from libs.common.providers.sure_transport import SureTransport
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.messaging.factories import ALICE, now

BOB = "+12125550124"
HELLO = Outgoing(to=ALICE, text="Hello Alice", reference="tuco-1", starts_conversation=True)
AGAIN = Outgoing(to=ALICE, text="Hello again", reference="tuco-2")

T = TypeVar("T")


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    with running_bluebubbles(lines=1, available_ratio=1.0) as simulator:
        yield simulator


class Line:
    """The simulator's line as the adapter sees it; each call has a session of its own."""

    def __init__(self, simulator: BlueBubblesSimulator, timeout_s: float = 5.0) -> None:
        self.simulator = simulator
        self.timeout_s = timeout_s

    def send(self, message: Outgoing) -> SendAnswer:
        return self._with(lambda sender: sender.send(message))

    def find(self, message: Outgoing, *, since_s: float = 60) -> SearchAnswer:
        since, until = now() - timedelta(seconds=since_s), now() + timedelta(seconds=60)
        return self._with(lambda sender: sender.find(message, since=since, until=until))

    def _with(self, use: Callable[[BlueBubblesSender], Awaitable[T]]) -> T:
        line = self.simulator.line(1)

        async def run() -> T:
            session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout_s))
            transport = SureTransport(session)
            client = BlueBubblesClient(transport, server_url=line.server_url, password=line.password)
            try:
                return await use(BlueBubblesSender(client))
            finally:
                await transport.close()

        return asyncio.run(run())


@pytest.fixture
def line(simulator: BlueBubblesSimulator) -> Line:
    return Line(simulator)


def delivered(simulator: BlueBubblesSimulator) -> int:
    return simulator.state.deliveries.total()


def ids(answer: SearchAnswer) -> list[str]:
    assert isinstance(answer, Seen)
    assert not answer.unclear
    return [sighting.provider_message_id for sighting in answer.sightings]


def test_a_first_message_starts_a_chat_and_the_next_goes_into_it(line: Line) -> None:
    first, second = line.send(HELLO), line.send(AGAIN)
    assert isinstance(first, Sent)
    assert isinstance(second, Sent)
    assert line.simulator.state.calls.per_endpoint()["line-1"] == {"chat/new": 1, "message/text": 1}
    found = line.simulator.state.deliveries.select()
    assert [(d.to, d.text, d.reference, d.message_id) for d in found] == [
        (ALICE, "Hello Alice", "tuco-1", first.provider_message_id),
        (ALICE, "Hello again", "tuco-2", second.provider_message_id),
    ]


def test_a_chat_that_the_mac_has_forgotten_is_started_anew(line: Line) -> None:
    assert isinstance(line.send(AGAIN), Sent)
    assert delivered(line.simulator) == 1


@pytest.mark.parametrize("message", [HELLO, AGAIN], ids=["chat/new", "message/text"])
def test_a_recipient_whom_imessage_refuses_is_refused_for_good(line: Line, message: Outgoing) -> None:
    line.simulator.open_chat(1, ALICE)
    line.simulator.set_availability(ALICE, False)
    answer = line.send(message)
    assert answer == Refused(reason="iMessage error 22", lasting=True)
    assert ids(line.find(message)) == []


LINE_FAULTS = ["unauthorized", "imessage_error"]


@pytest.mark.parametrize("fault", LINE_FAULTS)
@pytest.mark.parametrize("message", [HELLO, AGAIN], ids=["chat/new", "message/text"])
def test_a_lines_fault_is_told_apart(line: Line, message: Outgoing, fault: str) -> None:
    line.simulator.open_chat(1, ALICE)
    line.simulator.set_fault(fault=fault, count=1)
    answer = line.send(message)
    assert isinstance(answer, Refused)
    assert answer.line_fault
    assert delivered(line.simulator) == 0


@pytest.mark.parametrize("message", [HELLO, AGAIN], ids=["chat/new", "message/text"])
def test_a_mac_without_its_helper_is_the_lines_fault(line: Line, message: Outgoing) -> None:
    line.simulator.configure(1, helper_connected=False)
    answer = line.send(message)
    assert isinstance(answer, Refused)
    assert answer.line_fault


def test_a_server_that_is_down_is_the_lines_fault(line: Line) -> None:
    line.simulator.take_down(1)
    assert line.send(HELLO) == Refused(reason="refused", line_fault=True)
    assert line.find(HELLO) == CannotAsk(reason="refused")


def test_a_proxy_that_asks_for_patience_is_heard(line: Line) -> None:
    line.simulator.set_fault(fault="http_429", count=1, seconds=7)
    assert line.send(HELLO) == Refused(reason="429", busy=True, retry_after=timedelta(seconds=7))


def test_a_malformed_message_is_refused_for_good(line: Line) -> None:
    answer = line.send(Outgoing(to=ALICE, text="", reference="tuco-1"))
    assert isinstance(answer, Refused)
    assert answer.lasting


UNKNOWN_AND_DELIVERED = ["answer_lost", "error_delivered", "truncated", "hang_after_delivery", "slow_answer"]
UNKNOWN_AND_NOT = [
    "reset",
    "hang",
    "error_undelivered",
    "server_error",
    "gateway_timeout",
    "http_502",
    "http_503",
    "http_504",
    "http_520",
    "http_524",
    "http_530",
]


@pytest.mark.parametrize("message", [HELLO, AGAIN], ids=["chat/new", "message/text"])
@pytest.mark.parametrize(
    ("fault", "went_out"),
    [*((fault, True) for fault in UNKNOWN_AND_DELIVERED), *((fault, False) for fault in UNKNOWN_AND_NOT)],
)
def test_whatever_leaves_it_open_is_unknown_and_can_be_found_out(
    simulator: BlueBubblesSimulator, message: Outgoing, fault: str, went_out: bool
) -> None:
    simulator.open_chat(1, ALICE)
    simulator.set_fault(fault=fault, count=1, seconds=2, endpoint="chat/new" if message is HELLO else "message/text")
    line = Line(simulator, timeout_s=0.5)
    assert isinstance(line.send(message), Unknown)
    found = ids(line.find(message))
    assert found == [d.message_id for d in simulator.state.deliveries.select()]
    assert len(found) == went_out


def test_a_message_that_is_under_way_is_unknown(simulator: BlueBubblesSimulator) -> None:
    simulator.configure(1, send_ms=600)
    simulator.open_chat(1, ALICE)
    assert isinstance(Line(simulator, timeout_s=0.2).send(AGAIN), Unknown)
    second = Line(simulator).send(AGAIN)
    assert isinstance(second, Unknown)
    assert "already queued" in second.reason


class TestFind:
    def test_only_the_same_recipient_text_and_time_fit(self, line: Line) -> None:
        sent = line.send(HELLO)
        assert isinstance(sent, Sent)
        line.send(Outgoing(to=BOB, text=HELLO.text, reference="x", starts_conversation=True))
        line.send(AGAIN)
        line.simulator.receive(1, sender=ALICE, text=HELLO.text)
        assert ids(line.find(HELLO)) == [sent.provider_message_id]
        assert ids(line.find(HELLO, since_s=-30)) == []

    def test_a_chat_of_another_name_is_found_by_its_address(self, line: Line) -> None:
        # As macOS 26 names chats, and as a Mac does that knows a number without its country's code.
        mailbox = line.simulator.line(1).mailbox
        for service, address in (("any", ALICE), ("iMessage", "2125550123")):
            chat = mailbox.open_chat(address, service)
            message = mailbox.add(chat, f"by {service}", is_from_me=True)
            wanted = Outgoing(to=ALICE, text=f"by {service}", reference="x")
            assert ids(line.find(wanted)) == [message.guid]

    def test_text_that_came_back_a_little_different_is_the_same(self, line: Line) -> None:
        text = "  It's “fine” \u2013 really…  😀 "
        line.send(Outgoing(to=ALICE, text=text, reference="x", starts_conversation=True))
        assert len(ids(line.find(Outgoing(to=ALICE, text='It\'s "fine" - really... 😀', reference="x")))) == 1

    def test_a_message_without_readable_text_leaves_it_unclear(self, line: Line) -> None:
        mailbox = line.simulator.line(1).mailbox
        mailbox.add(mailbox.open_chat(ALICE), "\ufffc", is_from_me=True)
        assert line.find(HELLO) == Seen(unclear=True)

    def test_one_that_imessage_has_as_failed_did_not_go_out(self, line: Line) -> None:
        line.simulator.set_fault(fault="refused", count=1)
        line.send(HELLO)
        assert ids(line.find(HELLO)) == []

    def test_a_busy_line_is_read_page_by_page(self, line: Line) -> None:
        mailbox = line.simulator.line(1).mailbox
        for number in range(1_100):
            mailbox.add(mailbox.open_chat(f"+1212555{number:04}"), "noise", is_from_me=True)
        mailbox.add(mailbox.open_chat(ALICE, "SMS"), HELLO.text, is_from_me=True)
        assert len(ids(line.find(HELLO))) == 1

    @pytest.mark.parametrize("fault", ["http_502", "truncated", "hang", "unauthorized"])
    def test_a_server_that_cannot_be_asked_says_nothing_about_the_message(
        self, simulator: BlueBubblesSimulator, fault: str
    ) -> None:
        simulator.set_fault(fault=fault, endpoint="message/query")
        answer = Line(simulator, timeout_s=0.3).find(HELLO)
        assert isinstance(answer, CannotAsk)
        assert not answer.lasting
