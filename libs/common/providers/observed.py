"""Counts the calls to providers, and makes them steps of traces where those are made."""

from collections.abc import Awaitable, Coroutine, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final
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
# Nearly every call's outcome, at hand because a member of an enum is slow to look up.
_ANSWERED: Final = CallOutcome.ANSWERED


def outcome_of_status(status: int) -> CallOutcome:
    """What an HTTP status says of a call."""
    if status < 300:
        return _ANSWERED
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

    # Neither is a coroutine function: the call is counted in the one coroutine that it takes anyhow.
    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Coroutine[Any, Any, Reply]:
        """See :class:`~libs.common.providers.transport.Transport`."""
        call = self._transport.get(url, headers=headers)
        if switch.tracing is not None:
            return self._traced(switch.tracing, "GET", url, call)
        return self._counted(call)

    def post(self, url: str, *, json: bytes, headers: Mapping[str, str] | None = None) -> Coroutine[Any, Any, Reply]:
        """See :class:`~libs.common.providers.transport.Transport`."""
        call = self._transport.post(url, json=json, headers=headers)
        if switch.tracing is not None:
            return self._traced(switch.tracing, "POST", url, call)
        return self._counted(call)

    async def close(self) -> None:
        """See :class:`~libs.common.providers.transport.Transport`."""
        await self._transport.close()

    async def _counted(self, call: Awaitable[Reply]) -> Reply:
        try:
            reply = await call
        except NoReply as lost:
            self._calls[_OF_LOSS[lost.loss]].inc()
            raise
        self._calls[outcome_of_status(reply.status)].inc()
        return reply

    async def _traced(self, tracing: switch.Tracing, method: str, url: str, call: Awaitable[Reply]) -> Reply:
        known = {"http.request.method": method, "server.address": _host(url), "tuco.provider": self._provider}
        with tracing.step(f"{method} {self._provider}", switch.Kind.CALL, attributes=known) as step:
            try:
                reply = await self._counted(call)
            except NoReply as lost:
                step.tell({"tuco.outcome": _OF_LOSS[lost.loss].value})
                raise
            outcome = outcome_of_status(reply.status)
            step.tell({"http.response.status_code": reply.status, "tuco.outcome": outcome.value})
            if outcome is not _ANSWERED:
                step.fail(f"the provider answered {reply.status}")
            return reply


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
