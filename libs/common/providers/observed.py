"""Counts the calls to providers, and makes them steps of traces where those are made."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final
from urllib.parse import urlsplit

from prometheus_client import Counter

from libs.common.providers.transport import Loss, NoReply, Reply, Transport
from libs.common.tracing import switch


class CallOutcome(StrEnum):
    """How a call to a provider or a CRM ended."""

    ANSWERED = "answered"
    """As hoped (2xx)."""
    REJECTED = "rejected"
    """What was asked is wrong or not allowed (other 3xx and 4xx)."""
    LIMITED = "limited"
    """Too many calls (429)."""
    FAILED = "failed"
    """The other side is at fault (5xx)."""
    REFUSED = "refused"
    """No connection was made."""
    TIMEOUT = "timeout"
    """No answer in time."""
    BROKEN = "broken"
    """The connection broke, or what came is no HTTP."""


CALLS: Final = Counter(
    "tuco_provider_calls_total", "Calls to providers and CRMs that have ended.", ["provider", "outcome"]
)

_OF_LOSS: Final = {
    Loss.REFUSED: CallOutcome.REFUSED,
    Loss.TIMEOUT: CallOutcome.TIMEOUT,
    Loss.BROKEN: CallOutcome.BROKEN,
}
_TOO_MANY: Final = 429


@lru_cache(maxsize=1_000)
def outcome_of_status(status: int) -> CallOutcome:
    """What an HTTP status says of a call."""
    if status < 300:
        return CallOutcome.ANSWERED
    if status == _TOO_MANY:
        return CallOutcome.LIMITED
    return CallOutcome.REJECTED if status < 500 else CallOutcome.FAILED


@cache
def calls_to(provider: str) -> Mapping[CallOutcome, Counter]:
    """A provider's counters, all of them shown from now on."""
    return {outcome: CALLS.labels(provider, outcome.value) for outcome in CallOutcome}


class ObservedTransport:
    """A :class:`~libs.common.providers.transport.Transport` whose calls are counted and traced.

    A trace learns the server's name and no more of the URL, which may hold a password or a telephone number; and the
    provider does not learn of the trace.

    Args:
        transport: makes the calls.
        provider: whose they are.
    """

    def __init__(self, transport: Transport, provider: str) -> None:
        self._transport = transport
        self._provider = provider
        self._calls = calls_to(provider)

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """See :class:`~libs.common.providers.transport.Transport`."""
        if switch.tracing is not None:
            return await self._traced(switch.tracing, "GET", url, None, headers)
        try:
            reply = await self._transport.get(url, headers=headers)
        except NoReply as lost:
            self._calls[_OF_LOSS[lost.loss]].inc()
            raise
        self._calls[outcome_of_status(reply.status)].inc()
        return reply

    async def post(self, url: str, *, json: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """See :class:`~libs.common.providers.transport.Transport`."""
        if switch.tracing is not None:
            return await self._traced(switch.tracing, "POST", url, json, headers)
        try:
            reply = await self._transport.post(url, json=json, headers=headers)
        except NoReply as lost:
            self._calls[_OF_LOSS[lost.loss]].inc()
            raise
        self._calls[outcome_of_status(reply.status)].inc()
        return reply

    async def close(self) -> None:
        """See :class:`~libs.common.providers.transport.Transport`."""
        await self._transport.close()

    async def _traced(
        self, tracing: switch.Tracing, method: str, url: str, json: bytes | None, headers: Mapping[str, str] | None
    ) -> Reply:
        known = {"http.request.method": method, "server.address": _host(url), "tuco.provider": self._provider}
        with tracing.step(f"{method} {self._provider}", switch.Kind.CALL, attributes=known) as step:
            try:
                if json is None:
                    reply = await self._transport.get(url, headers=headers)
                else:
                    reply = await self._transport.post(url, json=json, headers=headers)
            except NoReply as lost:
                outcome = _OF_LOSS[lost.loss]
                self._calls[outcome].inc()
                step.tell({"tuco.outcome": outcome.value})
                raise
            outcome = outcome_of_status(reply.status)
            self._calls[outcome].inc()
            step.tell({"http.response.status_code": reply.status, "tuco.outcome": outcome.value})
            if outcome is not CallOutcome.ANSWERED:
                step.fail(f"the provider answered {reply.status}")
            return reply


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
