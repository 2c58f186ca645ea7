"""``ping``, ``server/info`` and the availability of an address."""

from aiohttp import web

from libs.simulators.answers import json_answer
from libs.simulators.bluebubbles.addresses import normalized
from libs.simulators.bluebubbles.envelope import success, unhandled
from libs.simulators.bluebubbles.exchange import LineExchange
from libs.simulators.bluebubbles.validation import AVAILABILITY, validate
from libs.simulators.reachability import AvailabilityRule, Reachability

SERVER_VERSION = "1.9.9"

# Asked for most often by far, so the two bodies are made once.
_AVAILABLE = b'{"status":200,"message":"Success","data":{"available":true}}'
_UNAVAILABLE = b'{"status":200,"message":"Success","data":{"available":false}}'


class HealthRoutes:
    """Answers about the server itself and about who can be reached.

    Args:
        rule: who can be reached.
    """

    def __init__(self, rule: AvailabilityRule) -> None:
        self._rule = rule

    async def ping(self, exchange: LineExchange) -> web.Response:
        """``GET /ping``."""
        del exchange
        return success("pong", message="Ping received!")

    async def server_info(self, exchange: LineExchange) -> web.Response:
        """``GET /server/info``."""
        line = exchange.line
        return success(
            {
                "computer_id": f"simulated@{line.name}",
                "os_version": line.settings.os_version,
                "server_version": SERVER_VERSION,
                "private_api": line.settings.private_api,
                "proxy_service": "dynamic-dns",
                "helper_connected": line.settings.private_api and line.settings.helper_connected,
                "detected_icloud": line.settings.imessage_account,
                "detected_imessage": line.settings.imessage_account,
                "macos_time_sync": 0.01,
                "local_ipv4s": ["127.0.0.1"],
                "local_ipv6s": [],
            }
        )

    async def availability(self, exchange: LineExchange) -> web.Response:
        """``GET /handle/availability/imessage``."""
        validate(exchange.params, AVAILABILITY)
        if exchange.line.settings.imessage_account is None:
            # The helper knows "reachable" and everything else, so a Mac that is signed out finds nobody reachable.
            return json_answer(_UNAVAILABLE)
        reachability = self._rule.of(normalized(exchange.params["address"]))
        if reachability is Reachability.UNDETERMINED:
            raise unhandled("Failed to determine iMessage availability!")
        return json_answer(_AVAILABLE if reachability is Reachability.AVAILABLE else _UNAVAILABLE)


def address_asked_for(exchange: LineExchange) -> str:
    """What an availability call is about, for the log of calls."""
    return normalized(exchange.params.get("address", ""))
