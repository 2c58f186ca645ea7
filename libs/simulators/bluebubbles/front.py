"""How a BlueBubbles server takes a call: password, Private API, route.

The order is the real server's (``httpRoutes.ts``): a wrong password is 401 whatever else is wrong with the call.
"""

from aiohttp import web

from libs.simulators.bluebubbles.envelope import GATEWAY_TIMEOUT, Refusal, unauthorized, unhandled
from libs.simulators.bluebubbles.exchange import LineExchange
from libs.simulators.bluebubbles.faults import ServerFault
from libs.simulators.bluebubbles.line import Line
from libs.simulators.bluebubbles.private_api import NOT_CONNECTED, private_api_fault, set_up_incomplete
from libs.simulators.front import Front
from libs.simulators.routing import Route
from libs.simulators.server import Endpoint

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


class BlueBubblesFront(Front[LineExchange]):
    """Answers the calls of all lines."""

    async def receive(self, line: Line, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one call to a line."""
        path, _, query = request.raw_path.partition("?")
        prefix = f"/{line.name}/api/v1/"
        relative = path[len(prefix) :].rstrip("/") if path.startswith(prefix) else ""
        route, argument = self._routes.find(request.method, relative)
        body = await request.read() if request.body_exists else b""
        exchange = LineExchange(line, request, query=query, argument=argument, body=body)
        return await self.answer(exchange, route, relative)

    def throttled_s(self, exchange: LineExchange) -> float:
        """See :class:`Front`."""
        return exchange.line.throttled_s()

    def delay_s(self, exchange: LineExchange) -> float:
        """See :class:`Front`."""
        return exchange.line.delay_s()

    def endpoint_of(self, exchange: LineExchange) -> Endpoint:
        """See :class:`Front`."""
        return exchange.line.endpoint

    def answer_of_fault(self, fault: str) -> web.Response | None:
        """See :class:`Front`."""
        refusal = _ANSWERS_OF_FAULTS.get(fault)
        return None if refusal is None else refusal.answer()

    def describe(self, exchange: LineExchange, route: Route[LineExchange]) -> tuple[str, str]:
        """See :class:`Front`. Nothing where the body cannot be read, which the route will say."""
        try:
            return route.key(exchange), route.reference(exchange)
        except Refusal:
            return "", ""

    async def work(self, exchange: LineExchange, route: Route[LineExchange]) -> web.Response:
        """See :class:`Front`."""
        try:
            _check_password(exchange)
            if route.is_gated:
                reason = private_api_fault(exchange.line.settings)
                if reason is not None:
                    raise set_up_incomplete(reason)
            return await route.handle(exchange)
        except Refusal as refusal:
            return refusal.answer()


def _check_password(exchange: LineExchange) -> None:
    given = exchange.password
    if not given:
        raise unauthorized("Missing server password!")
    if given != exchange.line.password:
        raise unauthorized()
