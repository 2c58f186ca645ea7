"""The calls of the API that the simulator answers."""

from libs.simulators.bluebubbles.health_routes import HealthRoutes, address_asked_for
from libs.simulators.bluebubbles.routing import Route, Routes
from libs.simulators.bluebubbles.state import State


def build_routes(state: State) -> Routes:
    """The table of routes."""
    routes = Routes()
    health = HealthRoutes(state.availability)
    routes.add("GET", "ping", Route(endpoint="ping", handle=health.ping))
    routes.add("GET", "server/info", Route(endpoint="server/info", handle=health.server_info))
    routes.add(
        "GET",
        "handle/availability/imessage",
        Route(
            endpoint="handle/availability/imessage",
            handle=health.availability,
            key=address_asked_for,
            needs_private_api=True,
        ),
    )
    return routes
