"""`POST /initialize`."""

from collections.abc import Callable

import msgspec
from flask import Response

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.initializer import Initialized


class InitializeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """``created`` or ``unchanged``, and what was created."""

    status: str
    created: Initialized


def initialize_routes(initialize_all: Callable[[], Initialized]) -> Routes:
    """The route that creates what an installation needs."""
    routes = Routes("initialize")

    @routes.declare(
        "POST",
        "/initialize",
        scope=Scope.ADMIN,
        summary="Create or restore collections, indexes and schedules; doing it twice changes nothing",
        answers={200: InitializeAnswer},
    )
    def initialize() -> Response:
        created = initialize_all()
        anything = created.collections or created.indexes or created.schedules
        return json_answer(InitializeAnswer(status="created" if anything else "unchanged", created=created))

    return routes
