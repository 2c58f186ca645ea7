"""`POST /initialize`."""

from flask import Blueprint, Response

from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.initializer import Initializer


def initialize_routes(initializer: Initializer) -> Blueprint:
    """The route that creates what an installation needs."""
    routes = Blueprint("initialize", __name__)

    @routes.post("/initialize")
    @needs(Scope.ADMIN)
    def initialize() -> Response:
        created = initializer.run()
        anything = created.collections or created.indexes or created.schedules
        return json_answer({"status": "created" if anything else "unchanged", "created": created})

    return routes
