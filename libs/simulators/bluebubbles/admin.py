"""The admin API of the BlueBubbles simulator.

Beside what ``libs.simulators.admin`` and ``libs.simulators.admin_deliveries`` give to all:

========  ===================================  ================================================================
GET       ``/__admin/lines``                   every line's address, whether it is up, and its settings
PATCH     ``/__admin/lines/{line}``            change its settings, for example ``{"private_api": false}``
POST      ``/__admin/lines/{line}/down``       refuse connections, ``{"seconds": 5}`` or until ``up``
POST      ``/__admin/lines/{line}/up``         accept them again
POST      ``/__admin/lines/{line}/inbound``    let a message arrive: ``{"from": "+1...", "text": "STOP"}``
POST      ``/__admin/lines/{line}/chats``      let a conversation exist: ``{"address": "+1..."}``
PUT       ``/__admin/availability``            ``{"address": "available" | "unavailable" | "undetermined", ...}``
========  ===================================  ================================================================
"""

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from libs.simulators.admin import Duration, Inbound, add_shared_routes
from libs.simulators.admin_deliveries import add_delivery_routes
from libs.simulators.answers import encoded_answer
from libs.simulators.bluebubbles.line import Line

if TYPE_CHECKING:
    from libs.simulators.bluebubbles.simulator import BlueBubblesSimulator


class _Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str


def admin_application(simulator: "BlueBubblesSimulator") -> web.Application:
    """The admin API over a simulator."""
    app = web.Application()
    add_shared_routes(app, simulator)
    add_delivery_routes(app, simulator.state.deliveries, simulator.courier)
    routes = _AdminRoutes(simulator)
    app.router.add_get("/__admin/lines", routes.lines)
    app.router.add_patch("/__admin/lines/{line}", routes.change_line)
    app.router.add_post("/__admin/lines/{line}/down", routes.take_down)
    app.router.add_post("/__admin/lines/{line}/up", routes.bring_up)
    app.router.add_post("/__admin/lines/{line}/inbound", routes.receive)
    app.router.add_post("/__admin/lines/{line}/chats", routes.open_chat)
    app.router.add_put("/__admin/availability", routes.set_availability)
    return app


class _AdminRoutes:
    def __init__(self, simulator: "BlueBubblesSimulator") -> None:
        self._simulator = simulator

    async def lines(self, request: web.Request) -> web.Response:
        del request
        return encoded_answer({"lines": [_shown(line) for line in self._simulator.lines]})

    async def change_line(self, request: web.Request) -> web.Response:
        line = self._simulator.line(request.match_info["line"])
        line.change(msgspec.json.decode(await request.read(), type=dict[str, object]))
        return encoded_answer(_shown(line))

    async def take_down(self, request: web.Request) -> web.Response:
        line = self._simulator.line(request.match_info["line"])
        outage = msgspec.json.decode(await request.read() or b"{}", type=Duration)
        await self._simulator.outages.take_down(line.endpoint, seconds=outage.seconds)
        return encoded_answer(_shown(line))

    async def bring_up(self, request: web.Request) -> web.Response:
        line = self._simulator.line(request.match_info["line"])
        await self._simulator.outages.bring_up(line.endpoint)
        return encoded_answer(_shown(line))

    async def receive(self, request: web.Request) -> web.Response:
        inbound = msgspec.json.decode(await request.read(), type=Inbound)
        line = request.match_info["line"]
        guid = await self._simulator.take_in(line, sender=inbound.sender, text=inbound.text)
        return encoded_answer({"guid": guid}, 201)

    async def open_chat(self, request: web.Request) -> web.Response:
        conversation = msgspec.json.decode(await request.read(), type=_Conversation)
        guid = self._simulator.open_chat(request.match_info["line"], conversation.address)
        return encoded_answer({"guid": guid}, 201)

    async def set_availability(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=dict[str, str])
        for address, reachability in wanted.items():
            self._simulator.set_availability(address, reachability)
        return encoded_answer({})


def _shown(line: Line) -> dict[str, object]:
    return {"name": line.name, "serverUrl": line.server_url, "up": line.is_up, "settings": line.settings}
