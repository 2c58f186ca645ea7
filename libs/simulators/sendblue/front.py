"""How the account takes a call: its keys, then the route."""

import hmac

from aiohttp import web

from libs.simulators.calls import CallLog
from libs.simulators.faults import FaultPlan
from libs.simulators.front import Front
from libs.simulators.outages import Outages
from libs.simulators.routing import Route, Routes
from libs.simulators.sendblue.account import Account
from libs.simulators.sendblue.errors import RATE_LIMIT, SERVER_RATE, Refusal, internal, too_many, unauthorized
from libs.simulators.sendblue.exchange import AccountExchange
from libs.simulators.sendblue.faults import SEND, ServiceFault
from libs.simulators.server import Endpoint

_ANSWERS_OF_FAULTS = {
    str(ServiceFault.UNAUTHORIZED): unauthorized(),
    str(ServiceFault.SERVER_ERROR): internal(),
    str(ServiceFault.RATE_LIMITED): too_many(RATE_LIMIT),
    str(ServiceFault.SERVER_RATE_EXCEEDED): too_many(SERVER_RATE),
    str(ServiceFault.SMS_LIMIT): too_many("SMS_LIMIT_REACHED"),
}

_PREFIX = "/api/"


class SendblueFront(Front[AccountExchange]):
    """Answers the account's calls.

    Args:
        account: whose API it is.
        routes: what calls there are.
        calls: where they are counted.
        faults: what goes wrong with them.
        outages: what takes the address off the network.
    """

    def __init__(
        self,
        account: Account,
        *,
        routes: Routes[AccountExchange],
        calls: CallLog,
        faults: FaultPlan,
        outages: Outages,
    ) -> None:
        super().__init__(routes=routes, calls=calls, faults=faults, outages=outages)
        self._account = account
        self._endpoint: Endpoint | None = None

    def serve_at(self, host: str, port: int) -> Endpoint:
        """The address at which these calls are answered; to be opened by the caller."""
        self._endpoint = Endpoint(self.receive, host=host, port=port)
        return self._endpoint

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one call."""
        path, _, query = request.raw_path.partition("?")
        relative = path[len(_PREFIX) :].rstrip("/") if path.startswith(_PREFIX) else ""
        route, argument = self._routes.find(request.method, relative)
        body = await request.read() if request.body_exists else b""
        exchange = AccountExchange(self._account, request, query=query, argument=argument, body=body)
        if route is not None and route.endpoint == SEND:
            self._aim_at_line(exchange)
        return await self.answer(exchange, route, relative)

    def throttled_s(self, exchange: AccountExchange) -> float:
        """See :class:`Front`."""
        return exchange.account.throttled_s()

    def delay_s(self, exchange: AccountExchange) -> float:
        """See :class:`Front`."""
        return exchange.account.delay_s()

    def endpoint_of(self, exchange: AccountExchange) -> Endpoint:
        """See :class:`Front`."""
        del exchange
        if self._endpoint is None:
            raise RuntimeError("The account has no address yet.")
        return self._endpoint

    def answer_of_fault(self, fault: str) -> web.Response | None:
        """See :class:`Front`."""
        refusal = _ANSWERS_OF_FAULTS.get(fault)
        return None if refusal is None else refusal.answer()

    def describe(self, exchange: AccountExchange, route: Route[AccountExchange]) -> tuple[str, str]:
        """See :class:`Front`. Nothing where the body cannot be read, which the route will say."""
        try:
            return route.key(exchange), route.reference(exchange)
        except Refusal:
            return "", ""

    async def work(self, exchange: AccountExchange, route: Route[AccountExchange]) -> web.Response:
        """See :class:`Front`."""
        try:
            _check_keys(exchange)
            return await route.handle(exchange)
        except Refusal as refusal:
            return refusal.answer()

    def _aim_at_line(self, exchange: AccountExchange) -> None:
        """Count a send for the line that it is to go by."""
        try:
            line = self._account.line_of(exchange.text("from_number"))
        except Refusal:
            return
        if line is not None:
            exchange.target = line.name


def _check_keys(exchange: AccountExchange) -> None:
    headers, account = exchange.request.headers, exchange.account
    for given, wanted in (
        (headers.get("sb-api-key-id", ""), account.api_key_id),
        (headers.get("sb-api-secret-key", ""), account.api_secret_key),
    ):
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise unauthorized()
