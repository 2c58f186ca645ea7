"""Calls to providers are counted by how they ended."""

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client import REGISTRY

from libs.common.providers.observed import CallOutcome, ObservedTransport
from libs.common.providers.transport import Loss, NoReply, Reply


class Answering:
    """A transport whose calls all end in the same way."""

    def __init__(self, ending: int | Loss) -> None:
        self._ending = ending

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        if isinstance(self._ending, Loss):
            raise NoReply(self._ending)
        return Reply(self._ending, b"")

    async def post(self, url: str, *, json: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        return await self.get(url, headers=headers)

    async def close(self) -> None:
        """Nothing to close."""


def counted(outcome: CallOutcome) -> float:
    labels = {"provider": "a-provider", "outcome": outcome.value}
    return REGISTRY.get_sample_value("tuco_provider_calls_total", labels) or 0.0


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (200, CallOutcome.ANSWERED),
        (404, CallOutcome.REJECTED),
        (429, CallOutcome.LIMITED),
        (503, CallOutcome.FAILED),
        (Loss.REFUSED, CallOutcome.REFUSED),
        (Loss.TIMEOUT, CallOutcome.TIMEOUT),
        (Loss.BROKEN, CallOutcome.BROKEN),
    ],
)
def test_each_call_is_counted_once_by_how_it_ended(ending: int | Loss, outcome: CallOutcome) -> None:
    transport = ObservedTransport(Answering(ending), "a-provider")
    before = {each: counted(each) for each in CallOutcome}

    async def call_twice() -> None:
        for call in (transport.get("http://x"), transport.post("http://x", json=b"{}")):
            if isinstance(ending, Loss):
                with pytest.raises(NoReply):
                    await call
            else:
                assert (await call).status == ending

    asyncio.run(call_twice())
    assert {each: counted(each) - before[each] for each in CallOutcome} == {
        each: 2 if each is outcome else 0 for each in CallOutcome
    }
