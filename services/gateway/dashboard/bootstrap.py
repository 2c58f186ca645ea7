"""The dashboard, joined to its parts."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.ledger.contract import Ledger
from libs.common.ledger.history import MongoHistory
from libs.common.stores.integration_desk import IntegrationDesk
from libs.common.stores.message_search import MessageSearch
from libs.common.stores.mongo import Document
from libs.common.stores.schedules import ScheduleStore
from libs.common.stores.sync_run_desk import SyncRunDesk
from libs.common.stores.ticks import TickStore
from services.gateway.dashboard.history import ListHistory
from services.gateway.dashboard.jobs import BrowsedQueue, DecidesAboutJobs, DecidesAboutQueues, Jobs
from services.gateway.dashboard.lines import LineReader
from services.gateway.dashboard.outcomes import OutcomeReader
from services.gateway.dashboard.parts import Messages, Pace, Parts
from services.gateway.dashboard.rates import RateHistory
from services.gateway.dashboard.sessions import Sessions
from services.gateway.health import HealthCheck
from services.gateway.job_view import JobFinder
from services.gateway.rates import rates_between
from services.gateway.sampler import Sampler
from services.gateway.schedule_runs import ScheduleRuns
from services.gateway.submission import Door


def dashboard_parts(
    database: Database[Document],
    queues: Mapping[str, BrowsedQueue],
    *,
    sessions: Sessions,
    ledger: Ledger,
    finder: JobFinder,
    decisions: DecidesAboutJobs,
    desk: DecidesAboutQueues,
    door: Door,
    schedule_runs: ScheduleRuns,
    sampler: Sampler,
    history: RateHistory,
    health: HealthCheck,
    messages: Messages,
    region: str,
    events: Callable[[str], Iterator[bytes]],
) -> Parts:
    """What the pages are made of; nothing is contacted until a page is opened."""
    lists = ListHistory(database)
    return Parts(
        sessions=sessions,
        jobs=Jobs(queues, decisions, desk),
        pace=partial(_pace, sampler),
        series=history.series,
        find=finder.find,
        payload_of=ledger.data_of,
        history=MongoHistory(database),
        lists=lists,
        outcomes=OutcomeReader(database, lists),
        submit=lambda order, key: door.submit(order, idempotency_key=key),
        health=health.run,
        schedules=ScheduleStore(database),
        ticks=TickStore(database),
        run_schedule=schedule_runs.run,
        lines=LineReader(database),
        messages=messages,
        search=MessageSearch(database),
        region=region,
        integrations=IntegrationDesk(database),
        sync_runs=SyncRunDesk(database),
        events=events,
        clock=SystemClock(),
    )


def _pace(sampler: Sampler) -> Pace:
    now, earliest = sampler.now(), sampler.earliest()
    return Pace(
        queues=[now.queues[name] for name in sorted(now.queues)],
        rates={name: rates_between(earliest, now, name) for name in now.queues},
        workers=sorted(now.workers.values(), key=lambda each: each.worker),
    )
