"""The admin API of the Sendblue simulator.

Beside what ``libs.simulators.admin`` and ``libs.simulators.admin_deliveries`` give to all:

========  ===================================  ================================================================
GET       ``/__admin/account``                 the lines, whether the service is up, and the settings
PATCH     ``/__admin/account``                 change settings, for example ``{"sent_per_second": null}``
POST      ``/__admin/down``                    refuse connections, ``{"seconds": 5}`` or until ``up``
POST      ``/__admin/up``                      accept them again
POST      ``/__admin/lines/{line}/inbound``    let a message arrive: ``{"from": "+1...", "text": "STOP"}``
PUT       ``/__admin/availability``            ``{"+1...": "available" | "unavailable" | "undetermined", ...}``
POST      ``/__admin/clock``                   turn the simulator's clock ahead: ``{"seconds": 3600}``
========  ===================================  ================================================================
"""

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from libs.simulators.admin import Duration, Inbound, add_shared_routes
from libs.simulators.admin_deliveries import add_delivery_routes
from libs.simulators.answers import encoded_answer

if TYPE_CHECKING:
    from libs.simulators.sendblue.simulator import SendblueSimulator


def admin_application(simulator: "SendblueSimulator") -> web.Application:
    """The admin API over a simulator."""
    app = web.Application()
    add_shared_routes(app, simulator)
    add_delivery_routes(app, simulator.state.deliveries, simulator.courier)
    routes = _AdminRoutes(simulator)
    app.router.add_get("/__admin/account", routes.account)
    app.router.add_patch("/__admin/account", routes.change_account)
    app.router.add_post("/__admin/down", routes.take_down)
    app.router.add_post("/__admin/up", routes.bring_up)
    app.router.add_post("/__admin/lines/{line}/inbound", routes.receive)
    app.router.add_put("/__admin/availability", routes.set_availability)
    app.router.add_post("/__admin/clock", routes.advance_clock)
    return app


class _AdminRoutes:
    def __init__(self, simulator: "SendblueSimulator") -> None:
        self._simulator = simulator

    async def account(self, request: web.Request) -> web.Response:
        del request
        return self._shown()

    async def change_account(self, request: web.Request) -> web.Response:
        self._simulator.state.change(msgspec.json.decode(await request.read(), type=dict[str, object]))
        return self._shown()

    async def take_down(self, request: web.Request) -> web.Response:
        outage = msgspec.json.decode(await request.read() or b"{}", type=Duration)
        await self._simulator.outages.take_down(self._simulator.endpoint, seconds=outage.seconds)
        return self._shown()

    async def bring_up(self, request: web.Request) -> web.Response:
        del request
        await self._simulator.outages.bring_up(self._simulator.endpoint)
        return self._shown()

    async def receive(self, request: web.Request) -> web.Response:
        inbound = msgspec.json.decode(await request.read(), type=Inbound)
        line = request.match_info["line"]
        handle = await self._simulator.take_in(line, sender=inbound.sender, text=inbound.text)
        return encoded_answer({"messageHandle": handle}, 201)

    async def set_availability(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=dict[str, str])
        for number, reachability in wanted.items():
            self._simulator.set_availability(number, reachability)
        return encoded_answer({})

    async def advance_clock(self, request: web.Request) -> web.Response:
        ahead = msgspec.json.decode(await request.read(), type=Duration)
        self._simulator.state.clock.advance(ahead.seconds)
        return encoded_answer({"now": self._simulator.state.now()})

    def _shown(self) -> web.Response:
        simulator = self._simulator
        lines = [{"name": line.name, "phone": line.phone, "queued": line.queued} for line in simulator.lines]
        return encoded_answer(
            {
                "serverUrl": simulator.server_url,
                "up": simulator.endpoint.is_open,
                "lines": lines,
                "settings": simulator.state.settings,
            }
        )
