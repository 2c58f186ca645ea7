"""The way of every call to a provider simulator: proxy, latency, fault, work; and its entry in the log of calls."""

import asyncio
import enum
from abc import ABC, abstractmethod
from typing import Generic

from aiohttp import web

from libs.simulators.answers import after_work, cut, instead_of_work, proxy_page, status_of
from libs.simulators.calls import CallLog
from libs.simulators.faults import Fault, FaultPlan, NetworkFault
from libs.simulators.outages import Outages
from libs.simulators.routing import E, Route, Routes
from libs.simulators.server import Endpoint

UNKNOWN_ENDPOINT = "unknown"


class CrashFault(enum.StrEnum):
    """The server dies, with everything it has in hand, and is back after ``seconds`` (at least 0.2)."""

    CRASH_BEFORE_DELIVERY = "crash_before_delivery"
    """Before it acts on the call."""
    CRASH_AFTER_DELIVERY = "crash_after_delivery"
    """After the message has gone out (or the answer was worked out) and before the answer."""


FAULTS_OF_TIME = frozenset({str(NetworkFault.SLOW), str(NetworkFault.HANG), str(NetworkFault.SLOW_ANSWER)})


class Front(ABC, Generic[E]):
    """Answers the calls of all lines or accounts.

    Args:
        routes: what calls there are.
        calls: where they are counted.
        faults: what goes wrong with them.
        outages: what takes an address off the network.
    """

    def __init__(self, *, routes: Routes[E], calls: CallLog, faults: FaultPlan, outages: Outages) -> None:
        self._routes = routes
        self._calls = calls
        self._faults = faults
        self._outages = outages

    @abstractmethod
    def throttled_s(self, exchange: E) -> float:
        """Above the proxy's rate limit: how many seconds the caller should wait; else 0.0."""

    @abstractmethod
    def delay_s(self, exchange: E) -> float:
        """How long this call is to take at least, in seconds."""

    @abstractmethod
    def endpoint_of(self, exchange: E) -> Endpoint:
        """The address that a crash takes down."""

    @abstractmethod
    def answer_of_fault(self, fault: str) -> web.Response | None:
        """The provider's own answer for a fault that is no more than an answer; ``None`` for all others."""

    @abstractmethod
    def describe(self, exchange: E, route: Route[E]) -> tuple[str, str]:
        """What a call is about and the caller's reference, for the log; must not fail."""

    @abstractmethod
    async def work(self, exchange: E, route: Route[E]) -> web.Response:
        """The provider's answer, errors included."""

    async def answer(self, exchange: E, route: Route[E] | None, path: str) -> web.StreamResponse:
        """Answer one call.

        Args:
            exchange: the call.
            route: where it goes; ``None`` where nothing answers.
            path: the path, as in the table of routes.
        """
        key, reference = ("", "") if route is None else self.describe(exchange, route)
        endpoint = UNKNOWN_ENDPOINT if route is None else route.endpoint
        call = self._calls.begin(exchange.target, endpoint, key, reference)
        status = 0
        try:
            response = await self._through_proxy(exchange, route, path, key)
            status = status_of(response)
        finally:
            call.fault = exchange.fault.fault if exchange.fault else ""
            self._calls.finish(call, status)
        return response

    async def _through_proxy(self, exchange: E, route: Route[E] | None, path: str, key: str) -> web.StreamResponse:
        wait_s = self.throttled_s(exchange)
        if wait_s > 0:
            return proxy_page(429, retry_after_s=wait_s)
        delay_s = self.delay_s(exchange)
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        if route is None:
            return self._no_such_route(path)
        exchange.fault = self._faults.draw(exchange.target, route.endpoint, key)
        if exchange.fault is None:
            return await self.work(exchange, route)
        return await self._with_fault(exchange, route, exchange.fault)

    async def _with_fault(self, exchange: E, route: Route[E], fault: Fault) -> web.StreamResponse:
        answer = self.answer_of_fault(fault.fault)
        if answer is not None:
            return answer
        if fault.fault == CrashFault.CRASH_BEFORE_DELIVERY:
            return self._crash(exchange, fault)
        if route.keeps_time and fault.fault in FAULTS_OF_TIME:
            return await self.work(exchange, route)
        instead = await instead_of_work(exchange.request, fault)
        if instead is not None:
            return instead
        response = await self.work(exchange, route)
        if fault.fault == CrashFault.CRASH_AFTER_DELIVERY:
            return self._crash(exchange, fault)
        return await after_work(exchange.request, fault, response)

    def _crash(self, exchange: E, fault: Fault) -> web.StreamResponse:
        self._outages.crash(self.endpoint_of(exchange), seconds=fault.seconds)
        return cut(exchange.request)

    def _no_such_route(self, path: str) -> web.Response:
        methods = self._routes.methods_of(path)
        if methods:
            return web.Response(status=405, text="Method Not Allowed", headers={"Allow": ", ".join(sorted(methods))})
        return web.Response(status=404, text="Not Found")
