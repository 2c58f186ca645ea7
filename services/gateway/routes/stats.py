"""`GET /stats`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from flask import Response

from libs.common.broker.model import QueueStats
from libs.common.jobs.states import JobState
from services.gateway.answers import json_answer
from services.gateway.auth import Scope
from services.gateway.declaring import Routes
from services.gateway.rates import QueueRates, rates_between
from services.gateway.sampler import Sampler

_WANT_A_PROCESS: Final = (JobState.WAITING, JobState.PRIORITIZED, JobState.ACTIVE)


class QueueNow(QueueStats, frozen=True, kw_only=True, rename="camel"):
    """A queue in numbers, and how fast it goes.

    Args:
        backlog: jobs that want a process now: waiting, prioritized and active; none that are paused, delayed, or
            parents that wait for their children.
        rates: how fast it goes.
    """

    backlog: int
    rates: QueueRates


class WorkerNow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A worker that lives.

    Args:
        worker: its name.
        service: its service.
        queues: the queues that it serves.
        held: the jobs that it held when it last said so.
        seen_seconds_ago: when that was.
    """

    worker: str
    service: str
    queues: Sequence[str]
    held: int
    seen_seconds_ago: float


class StatsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The queues in numbers.

    Args:
        queues: each queue.
        totals: jobs per state, over all queues.
        workers: the workers that said within the last 20 seconds that they live.
    """

    queues: Sequence[QueueNow]
    totals: Mapping[str, int]
    workers: Sequence[WorkerNow]


def stats_routes(sampler: Sampler) -> Routes:
    """The route of the queues in numbers."""
    routes = Routes("stats")

    @routes.declare(
        "GET",
        "/stats",
        scope=Scope.SERVICE,
        summary="Each queue in numbers: jobs per state, oldest waiting, rates, wait and run times; workers seen",
        answers={200: StatsAnswer},
    )
    def stats() -> Response:
        now, earliest = sampler.now(), sampler.earliest()
        totals: Counter[str] = Counter()
        for queue in now.queues.values():
            totals.update(queue.counts)
        return json_answer(
            StatsAnswer(
                queues=[
                    QueueNow(
                        **msgspec.structs.asdict(queue),
                        backlog=sum(queue.counts[state] for state in _WANT_A_PROCESS),
                        rates=rates_between(earliest, now, name),
                    )
                    for name, queue in now.queues.items()
                ],
                totals=totals,
                workers=[
                    WorkerNow(
                        worker=seen.worker,
                        service=seen.said.service,
                        queues=seen.said.queues,
                        held=seen.said.held,
                        seen_seconds_ago=seen.seen_seconds_ago,
                    )
                    for seen in now.workers.values()
                ],
            )
        )

    return routes
