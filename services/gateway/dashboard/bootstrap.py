"""The dashboard, joined to its parts."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.ledger.contract import Ledger
from libs.common.stores.mongo import Document
from libs.common.stores.schedules import ScheduleStore
from libs.common.stores.ticks import TickStore
from services.gateway.dashboard.jobs import BrowsedQueue, DecidesAboutJobs, DecidesAboutQueues, Jobs
from services.gateway.dashboard.lines import LineReader
from services.gateway.dashboard.parts import Messages, Parts
from services.gateway.dashboard.sessions import Sessions
from services.gateway.health import HealthCheck
from services.gateway.job_view import JobFinder
from services.gateway.rates import QueueRates, rates_between
from services.gateway.sampler import Sampler


def dashboard_parts(
    database: Database[Document],
    queues: Mapping[str, BrowsedQueue],
    *,
    sessions: Sessions,
    ledger: Ledger,
    finder: JobFinder,
    decisions: DecidesAboutJobs,
    desk: DecidesAboutQueues,
    sampler: Sampler,
    health: HealthCheck,
    messages: Messages,
    events: Callable[[str], Iterator[bytes]],
) -> Parts:
    """What the pages are made of; nothing is contacted until a page is opened."""
    return Parts(
        sessions=sessions,
        jobs=Jobs(queues, decisions, desk),
        speeds=partial(_speeds, sampler),
        find=finder.find,
        payload_of=ledger.data_of,
        health=health.run,
        schedules=ScheduleStore(database),
        ticks=TickStore(database),
        lines=LineReader(database),
        messages=messages,
        events=events,
        clock=SystemClock(),
    )


def _speeds(sampler: Sampler) -> Mapping[str, QueueRates]:
    now, earliest = sampler.now(), sampler.earliest()
    return {name: rates_between(earliest, now, name) for name in now.queues}
