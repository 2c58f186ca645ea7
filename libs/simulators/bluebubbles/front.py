"""The way of every call: proxy, faults, password, Private API, route; and its entry in the log of calls.

The order of password, Private API and validation is the real server's (``httpRoutes.ts``): a wrong password is 401
whatever else is wrong with the call.
"""

import asyncio

from aiohttp import web

from libs.simulators.answers import after_work, cut, instead_of_work, proxy_page, status_of
from libs.simulators.bluebubbles.envelope import (
    GATEWAY_TIMEOUT,
    Refusal,
    unauthorized,
    unhandled,
)
from libs.simulators.bluebubbles.exchange import Exchange
from libs.simulators.bluebubbles.faults import KEPT_BY_SENDS, SEND_ENDPOINTS, ServerFault
from libs.simulators.bluebubbles.line import Line
from libs.simulators.bluebubbles.outages import Outages
from libs.simulators.bluebubbles.private_api import NOT_CONNECTED, private_api_fault, set_up_incomplete
from libs.simulators.bluebubbles.routing import Route, Routes
from libs.simulators.calls import CallLog
from libs.simulators.faults import Fault, FaultPlan

_ANSWERS_OF_FAULTS = {
    str(ServerFault.UNAUTHORIZED): unauthorized(),
    str(ServerFault.IMESSAGE_ERROR): set_up_incomplete(NOT_CONNECTED),
    str(ServerFault.SERVER_ERROR): unhandled("Cannot read properties of undefined (reading 'guid')"),
    str(ServerFault.GATEWAY_TIMEOUT): Refusal(
        504,
        "The request timed-out after 300000!",
        GATEWAY_TIMEOUT,
        "The server took too long to respond and has timed-out!",
    ),
}

UNKNOWN_ENDPOINT = "unknown"


class Front:
    """Answers the calls of all lines.

    Args:
        routes: what calls there are.
        calls: where they are counted.
        faults: what goes wrong with them.
        outages: what takes a line off the network.
    """

    def __init__(self, *, routes: Routes, calls: CallLog, faults: FaultPlan, outages: Outages) -> None:
        self._routes = routes
        self._calls = calls
        self._faults = faults
        self._outages = outages

    async def answer(self, line: Line, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one call to a line."""
        path, _, query = request.raw_path.partition("?")
        prefix = f"/{line.name}/api/v1/"
        relative = path[len(prefix) :].rstrip("/") if path.startswith(prefix) else ""
        route, argument = self._routes.find(request.method, relative)
        body = await request.read() if request.body_exists else b""
        exchange = Exchange(line, request, query=query, argument=argument, body=body)
        key, reference = _describe(route, exchange)
        endpoint = UNKNOWN_ENDPOINT if route is None else route.endpoint
        call = self._calls.begin(line.name, endpoint, key, reference)
        status = 0
        try:
            response = await self._through_proxy(exchange, route, relative, call.key)
            status = status_of(response)
            call.fault = exchange.fault.fault if exchange.fault else ""
        finally:
            self._calls.finish(call, status)
        return response

    async def _through_proxy(
        self, exchange: Exchange, route: Route | None, relative: str, key: str
    ) -> web.StreamResponse:
        line = exchange.line
        wait_s = line.throttled_s()
        if wait_s > 0:
            return proxy_page(429, retry_after_s=wait_s)
        delay_s = line.delay_s()
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        if route is None:
            return self._no_such_route(relative)
        exchange.fault = self._faults.draw(line.name, route.endpoint, key)
        if exchange.fault is None:
            return await self._work(exchange, route)
        return await self._with_fault(exchange, route, exchange.fault)

    async def _with_fault(self, exchange: Exchange, route: Route, fault: Fault) -> web.StreamResponse:
        refusal = _ANSWERS_OF_FAULTS.get(fault.fault)
        if refusal is not None:
            return refusal.answer()
        if fault.fault == ServerFault.CRASH_BEFORE_DELIVERY:
            self._outages.crash(exchange.line, seconds=fault.seconds)
            return cut(exchange.request)
        if route.endpoint in SEND_ENDPOINTS and fault.fault in KEPT_BY_SENDS:
            return await self._work(exchange, route)
        instead = await instead_of_work(exchange.request, fault)
        if instead is not None:
            return instead
        response = await self._work(exchange, route)
        if fault.fault == ServerFault.CRASH_AFTER_DELIVERY:
            self._outages.crash(exchange.line, seconds=fault.seconds)
            return cut(exchange.request)
        return await after_work(exchange.request, fault, response)

    async def _work(self, exchange: Exchange, route: Route) -> web.StreamResponse:
        try:
            _check_password(exchange)
            if route.needs_private_api:
                reason = private_api_fault(exchange.line.settings)
                if reason is not None:
                    raise set_up_incomplete(reason)
            return await route.handle(exchange)
        except Refusal as refusal:
            return refusal.answer()

    def _no_such_route(self, relative: str) -> web.Response:
        methods = self._routes.methods_of(relative)
        if methods:
            return web.Response(status=405, text="Method Not Allowed", headers={"Allow": ", ".join(sorted(methods))})
        return web.Response(status=404, text="Not Found")


def _describe(route: Route | None, exchange: Exchange) -> tuple[str, str]:
    """What the call is about; nothing when its body cannot be read, which the route will say."""
    if route is None:
        return "", ""
    try:
        return route.key(exchange), route.reference(exchange)
    except Refusal:
        return "", ""


def _check_password(exchange: Exchange) -> None:
    given = exchange.password
    if not given:
        raise unauthorized("Missing server password!")
    if given != exchange.line.password:
        raise unauthorized()
