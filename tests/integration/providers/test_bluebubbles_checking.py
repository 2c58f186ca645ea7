"""Asking a BlueBubbles server over real sockets, through both transports: every answer and every fault."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import pytest

from libs.common.handles import Service
from libs.common.http import async_client
from libs.common.providers.bluebubbles.checking import BlueBubblesChecker
from libs.common.providers.bluebubbles.client import BlueBubblesClient
from libs.common.providers.checking import AvailabilityAnswer
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.fast_transport import FastTransport
from libs.common.providers.sure_transport import SureTransport
from libs.common.providers.transport import Transport
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles

T = TypeVar("T")
ENDPOINT = "handle/availability/imessage"
PERSON = "+12125550123"
TIMEOUT = timedelta(milliseconds=400)

MakeTransport = Callable[[], Awaitable[Transport]]


async def _fast() -> Transport:
    return FastTransport(timeout=TIMEOUT)


async def _sure() -> Transport:
    return SureTransport(async_client(timeout=TIMEOUT))


@pytest.fixture(scope="module")
def simulator() -> Iterator[BlueBubblesSimulator]:
    with running_bluebubbles(lines=2, seed=7) as simulator:
        yield simulator


@pytest.fixture(params=[_fast, _sure], ids=["fast", "sure"])
def ask(
    request: pytest.FixtureRequest, simulator: BlueBubblesSimulator
) -> Iterator[Callable[[Callable[[BlueBubblesChecker], Awaitable[T]]], T]]:
    """Runs a coroutine with a checker of line 1."""
    make: MakeTransport = request.param
    simulator.clear_faults()
    simulator.configure(1, private_api=True, helper_connected=True, imessage_account="line@example.com")

    def run(work: Callable[[BlueBubblesChecker], Awaitable[T]]) -> T:
        async def with_checker() -> T:
            transport = await make()
            try:
                line = simulator.lines[0]
                client = BlueBubblesClient(transport, server_url=line.server_url, password=line.password)
                return await work(BlueBubblesChecker(client))
            finally:
                await transport.close()

        return asyncio.run(with_checker())

    yield run
    simulator.clear_faults()


Ask = Callable[[Callable[[BlueBubblesChecker], Awaitable[AvailabilityAnswer]]], AvailabilityAnswer]


@pytest.mark.parametrize("handle", [PERSON, "ann@example.com", "o'neil+x@example.com"])
def test_a_handle_that_can_be_reached_is_available(ask: Ask, simulator: BlueBubblesSimulator, handle: str) -> None:
    simulator.set_availability(handle, True)
    assert ask(lambda checker: checker.check(handle)) == AvailabilityAnswer(available=True, service=Service.IMESSAGE)
    simulator.set_availability(handle, False)
    assert ask(lambda checker: checker.check(handle)) == AvailabilityAnswer(available=False)
    assert simulator.calls.select(endpoint=ENDPOINT)[-1].key == handle


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("unauthorized", FaultReason.AUTHENTICATION),
        ("imessage_error", FaultReason.IMESSAGE_ERROR),
        ("server_error", FaultReason.SERVER_ERROR),
        ("gateway_timeout", FaultReason.TIMEOUT),
        ("reset", FaultReason.CONNECTION_LOST),
        ("hang", FaultReason.TIMEOUT),
        ("truncated", FaultReason.CONNECTION_LOST),
        ("answer_lost", FaultReason.CONNECTION_LOST),
        ("http_429", FaultReason.RATE_LIMITED),
        ("http_502", FaultReason.GATEWAY_ERROR),
        ("http_503", FaultReason.GATEWAY_ERROR),
        ("http_504", FaultReason.TIMEOUT),
        ("http_520", FaultReason.GATEWAY_ERROR),
        ("http_524", FaultReason.GATEWAY_ERROR),
        ("http_530", FaultReason.GATEWAY_ERROR),
    ],
)
def test_every_fault_of_a_line_is_told_apart(
    ask: Ask, simulator: BlueBubblesSimulator, fault: str, reason: FaultReason
) -> None:
    simulator.set_fault(line=1, endpoint=ENDPOINT, fault=fault, seconds=30 if fault == "http_429" else 0)
    with pytest.raises(LineFault) as raised:
        ask(lambda checker: checker.check(PERSON))
    assert raised.value.reason is reason
    assert raised.value.retry_after == (timedelta(seconds=30) if fault == "http_429" else None)
    assert simulator.lines[0].password not in _everything_said(raised.value)


def test_a_slow_answer_is_waited_for_until_the_time_limit(ask: Ask, simulator: BlueBubblesSimulator) -> None:
    simulator.set_fault(line=1, endpoint=ENDPOINT, fault="slow", seconds=0.1)
    assert ask(lambda checker: checker.check(PERSON)) is not None
    simulator.clear_faults()
    simulator.set_fault(line=1, endpoint=ENDPOINT, fault="slow", seconds=2)
    with pytest.raises(LineFault) as raised:
        ask(lambda checker: checker.check(PERSON))
    assert raised.value.reason is FaultReason.TIMEOUT


def test_a_line_that_is_down_refuses(ask: Ask, simulator: BlueBubblesSimulator) -> None:
    simulator.take_down(1)
    with pytest.raises(LineFault) as raised:
        ask(lambda checker: checker.check(PERSON))
    assert raised.value.reason is FaultReason.REFUSED
    assert simulator.lines[0].password not in _everything_said(raised.value)


def test_a_server_without_the_private_api_says_nothing_of_the_handle(ask: Ask, simulator: BlueBubblesSimulator) -> None:
    simulator.configure(1, private_api=False)
    with pytest.raises(LineFault) as raised:
        ask(lambda checker: checker.check(PERSON))
    assert raised.value.reason is FaultReason.IMESSAGE_ERROR


def test_a_wrong_password_is_refused(simulator: BlueBubblesSimulator) -> None:
    async def check() -> None:
        transport = FastTransport(timeout=TIMEOUT)
        client = BlueBubblesClient(transport, server_url=simulator.lines[0].server_url, password="wrong")
        try:
            await BlueBubblesChecker(client).check(PERSON)
        finally:
            await transport.close()

    with pytest.raises(LineFault) as raised:
        asyncio.run(check())
    assert raised.value.reason is FaultReason.AUTHENTICATION


@pytest.mark.parametrize(
    "url", ["not a url", "http://", "ftp://x", "http://no-such-host.invalid", "http://127.0.0.1:1"]
)
@pytest.mark.parametrize("make", [_fast, _sure])
def test_an_address_that_leads_nowhere_refuses(make: MakeTransport, url: str) -> None:
    async def check() -> None:
        transport = await make()
        try:
            await BlueBubblesChecker(BlueBubblesClient(transport, server_url=url, password="s3cr3t")).check(PERSON)
        finally:
            await transport.close()

    with pytest.raises(LineFault) as raised:
        asyncio.run(check())
    assert raised.value.reason is FaultReason.REFUSED
    assert "s3cr3t" not in _everything_said(raised.value)


def test_a_line_reports_how_it_is(ask: Callable[..., object], simulator: BlueBubblesSimulator) -> None:
    healthy = ask(lambda checker: checker.report())
    assert getattr(healthy, "able", None) is True
    simulator.configure(1, helper_connected=False)
    ill = ask(lambda checker: checker.report())
    assert getattr(ill, "able", None) is False
    assert "helper" in str(getattr(ill, "problem", ""))


def _everything_said(error: BaseException | None) -> str:
    said = ""
    while error is not None:
        said += f"{error!r} {error} {getattr(error, 'details', '')}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return said
