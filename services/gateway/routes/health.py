"""`GET /health` for people and the app, `GET /healthz` for who restarts the process."""

from flask import Response, g

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.health import Health, HealthCheck


def health_routes(check: HealthCheck) -> Routes:
    """The route that says how everything is; without a token it says no more than whether it is well."""
    routes = Routes("health")

    @routes.declare(
        "GET",
        "/health",
        scope=Scope.OPEN,
        summary="How the gateway, its stores and each service are; without a token only the status",
        answers={200: Health, 503: Health},
        problems=[401],
    )
    def health() -> Response:
        now = check.run()
        told = now if g.scope >= Scope.SERVICE else Health(status=now.status)
        return json_answer(told, status=200 if now.is_well else 503)

    return routes


def liveness_routes() -> Routes:
    """The route that says that this process serves, whatever else is down."""
    routes = Routes("health", name="liveness")

    @routes.declare(
        "GET",
        "/healthz",
        scope=Scope.OPEN,
        summary="Whether this process serves, whatever else is down",
        answers={200: Health},
        problems=[401],
    )
    def healthz() -> Response:
        return json_answer(Health(status="ok"))

    return routes
