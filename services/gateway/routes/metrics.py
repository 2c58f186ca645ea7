"""`GET /metrics`, below the prefix and, for a scraper, at the root."""

from flask import Blueprint, Response

from services.gateway.auth import Scope, needs
from services.gateway.metrics import TEXT_FORMAT, AllMetrics


def metrics_routes(metrics: AllMetrics, *, name: str) -> Blueprint:
    """The route of every process's metrics.

    Args:
        metrics: what to show.
        name: the blueprint's name, as it is registered more than once.
    """
    routes = Blueprint(name, __name__)

    @routes.get("/metrics")
    @needs(Scope.SERVICE)
    def show() -> Response:
        return Response(metrics.text(), content_type=TEXT_FORMAT)

    return routes
