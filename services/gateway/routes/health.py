"""`GET /health` for people and the app; `/healthz` and `/readyz` for who restarts processes and sends requests."""

from flask import Response, g

from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.health import Health, HealthCheck, Readiness


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


def probe_routes(readiness: Readiness) -> Routes:
    """The routes that say whether this process serves, and whether it should be given requests.

    Args:
        readiness: knows the latter.
    """
    routes = Routes("health", name="probes")

    @routes.declare(
        "GET",
        "/healthz",
        scope=Scope.OPEN,
        summary="Whether this process serves, whatever else is down",
        answers={200: Health},
        problems=[401],
        on_loop=True,
    )
    def healthz() -> Response:
        return json_answer(Health(status="ok"))

    @routes.declare(
        "GET",
        "/readyz",
        scope=Scope.OPEN,
        summary="Whether this process should be given requests; degraded without Redis, not without MongoDB",
        answers={200: Health, 503: Health},
        problems=[401],
    )
    def readyz() -> Response:
        now = readiness.now()
        return json_answer(now, status=503 if now.status == "unavailable" else 200)

    return routes
