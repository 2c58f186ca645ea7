"""`POST /initialize`."""

from collections.abc import Callable

from flask import Blueprint, Response

from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.initializer import Initialized


def initialize_routes(initialize_all: Callable[[], Initialized]) -> Blueprint:
    """The route that creates what an installation needs."""
    routes = Blueprint("initialize", __name__)

    @routes.post("/initialize")
    @needs(Scope.ADMIN)
    def initialize() -> Response:
        created = initialize_all()
        anything = created.collections or created.indexes or created.schedules
        return json_answer({"status": "created" if anything else "unchanged", "created": created})

    return routes
