"""`GET /health` for people and the app, `GET /healthz` for who restarts the process."""

from flask import Blueprint, Response, g

from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.health import HealthCheck


def health_routes(check: HealthCheck) -> Blueprint:
    """The route that says how everything is; without a token it says no more than whether it is well."""
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    @needs(Scope.OPEN)
    def health() -> Response:
        now = check.run()
        body = now if g.scope >= Scope.SERVICE else {"status": now.status}
        return json_answer(body, status=200 if now.is_well else 503)

    return routes


def liveness_routes() -> Blueprint:
    """The route that says that this process serves, whatever else is down."""
    routes = Blueprint("liveness", __name__)

    @routes.get("/healthz")
    @needs(Scope.OPEN)
    def healthz() -> Response:
        return json_answer({"status": "ok"})

    return routes
