"""`GET /stats`."""

from collections import Counter
from collections.abc import Mapping

from flask import Blueprint, Response

from services.gateway.answers import json_answer
from services.gateway.auth import Scope, needs
from services.gateway.metrics import CountedQueue


def stats_routes(queues: Mapping[str, CountedQueue]) -> Blueprint:
    """The route of the queues in numbers."""
    routes = Blueprint("stats", __name__)

    @routes.get("/stats")
    @needs(Scope.SERVICE)
    def stats() -> Response:
        each = [queue.stats() for queue in queues.values()]
        totals: Counter[str] = Counter()
        for queue in each:
            totals.update(queue.counts)
        return json_answer({"queues": each, "totals": totals})

    return routes
