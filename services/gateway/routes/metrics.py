"""`GET /metrics`, below the prefix and, for a scraper, at the root."""

from flask import Response

from services.gateway.auth import Scope
from services.gateway.declaring import Routes, Stream
from services.gateway.metrics import TEXT_FORMAT, AllMetrics


def metrics_routes(metrics: AllMetrics, *, name: str) -> Routes:
    """The route of every process's metrics.

    Args:
        metrics: what to show.
        name: the blueprint's name, as it is registered more than once.
    """
    routes = Routes("metrics", name=name)

    @routes.declare(
        "GET",
        "/metrics",
        scope=Scope.SERVICE,
        summary="Every process's Prometheus metrics in one answer",
        answers={200: Stream("text/plain", "Prometheus's text format 0.0.4.")},
    )
    def metrics_of_all() -> Response:
        return Response(metrics.text(), content_type=TEXT_FORMAT)

    return routes
