"""`GET /stats`."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from flask import Response

from libs.common.broker.model import QueueStats
from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.metrics import CountedQueue


class StatsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The queues in numbers.

    Args:
        queues: each queue.
        totals: jobs per state, over all queues.
    """

    queues: Sequence[QueueStats]
    totals: Mapping[str, int]


def stats_routes(queues: Mapping[str, CountedQueue]) -> Routes:
    """The route of the queues in numbers."""
    routes = Routes("stats")

    @routes.declare(
        "GET",
        "/stats",
        scope=Scope.SERVICE,
        summary="Each queue in numbers",
        answers={200: StatsAnswer},
    )
    def stats() -> Response:
        each = [queue.stats() for queue in queues.values()]
        totals: Counter[str] = Counter()
        for queue in each:
            totals.update(queue.counts)
        return json_answer(StatsAnswer(queues=each, totals=totals))

    return routes
