"""Asking a Sendblue account over real sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import pytest

from libs.common.handles import Service
from libs.common.providers.checking import AvailabilityAnswer
from libs.common.providers.errors import FaultReason, LineFault
from libs.common.providers.fast_transport import FastTransport
from libs.common.providers.sendblue.checking import SendblueChecker
from libs.common.providers.sendblue.client import SendblueClient
from libs.simulators.sendblue import SendblueSimulator, running_sendblue

T = TypeVar("T")
PERSON = "+12125550123"


@pytest.fixture
def simulator() -> Iterator[SendblueSimulator]:
    with running_sendblue(seed=7) as simulator:
        yield simulator


def ask(
    simulator: SendblueSimulator, work: Callable[[SendblueChecker], Awaitable[T]], *, secret: str | None = None
) -> T:
    async def run() -> T:
        transport = FastTransport(timeout=timedelta(milliseconds=400))
        headers = {name.lower(): value for name, value in simulator.headers.items()}
        client = SendblueClient(
            transport,
            server_url=simulator.server_url,
            api_key_id=headers["sb-api-key-id"],
            api_secret_key=headers["sb-api-secret-key"] if secret is None else secret,
        )
        try:
            return await work(SendblueChecker(client))
        finally:
            await transport.close()

    return asyncio.run(run())


def test_a_number_is_reached_by_imessage_or_by_sms(simulator: SendblueSimulator) -> None:
    simulator.set_availability(PERSON, True)
    yes = ask(simulator, lambda checker: checker.check(PERSON))
    simulator.set_availability(PERSON, False)
    no = ask(simulator, lambda checker: checker.check(PERSON))
    assert yes == AvailabilityAnswer(available=True, service=Service.IMESSAGE)
    assert no == AvailabilityAnswer(available=False, service=Service.SMS)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("reset", FaultReason.CONNECTION_LOST),
        ("hang", FaultReason.TIMEOUT),
        ("http_429", FaultReason.RATE_LIMITED),
        ("http_502", FaultReason.GATEWAY_ERROR),
    ],
)
def test_faults_are_told_apart(simulator: SendblueSimulator, fault: str, reason: FaultReason) -> None:
    simulator.set_fault(endpoint="evaluate-service", fault=fault)
    with pytest.raises(LineFault) as raised:
        ask(simulator, lambda checker: checker.check(PERSON))
    assert raised.value.reason is reason


def test_wrong_keys_are_refused(simulator: SendblueSimulator) -> None:
    with pytest.raises(LineFault) as raised:
        ask(simulator, lambda checker: checker.check(PERSON), secret="wrong")
    assert raised.value.reason is FaultReason.AUTHENTICATION


def test_an_account_that_answers_is_able(simulator: SendblueSimulator) -> None:
    assert ask(simulator, lambda checker: checker.report()).able
