"""What the gateway is made of: the one place where its parts are made and joined."""

import socket
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from flask import Flask

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.build_info import show_build
from libs.common.clock import SystemClock
from libs.common.ids import new_job_id
from libs.common.jobs.bulk_action import BULK_ACTION
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from libs.common.jobs.registry import queues as queue_names
from libs.common.ledger.history import MongoHistory
from libs.common.ledger.mongo import MongoLedger
from libs.common.ledger.reconciler import Reconciler
from libs.common.ledger.reconciler_thread import ReconcilerThread
from libs.common.ledger.redis_epoch import RedisEpoch
from libs.common.settings import Settings, tokens_of
from libs.common.stores.message_replay import MessageReplayStore
from libs.common.stores.mongo import connect_mongo
from libs.common.worker.heartbeat import Heartbeats
from services.gateway.admission import BulkAvailabilityAdmission, MessageAdmission
from services.gateway.app import PREFIX, Dependencies, create_app
from services.gateway.audit import MongoAuditLog
from services.gateway.auth import Tokens
from services.gateway.dashboard.access import caller_by_session
from services.gateway.dashboard.blueprint import PREFIX as DASHBOARD
from services.gateway.dashboard.blueprint import dashboard_routes
from services.gateway.dashboard.bootstrap import dashboard_parts
from services.gateway.dashboard.facts import facts_of
from services.gateway.dashboard.rates import RateHistory
from services.gateway.dashboard.sessions import Sessions
from services.gateway.decisions import Decisions
from services.gateway.direct import DirectRuns
from services.gateway.health import HealthCheck, Readiness, mongodb_probe, redis_probe, service_probes
from services.gateway.initializer import Initializer
from services.gateway.job_view import JobFinder
from services.gateway.leads import MongoLeadDirectory
from services.gateway.messaging_bootstrap import messages_of, messaging_routes
from services.gateway.metrics import AllMetrics, GatewayMetrics
from services.gateway.queue_desk import QueueDesk
from services.gateway.routes.outgoing import outgoing_routes
from services.gateway.routes.troubles import troubles_routes
from services.gateway.sampler import Sampler
from services.gateway.schedule_runs import ScheduleRuns
from services.gateway.side_by_side import SideBySide
from services.gateway.store_metrics import UnfinishedWork
from services.gateway.streams import Streams
from services.gateway.submission import Door
from services.gateway.sync_bootstrap import sync_routes
from services.gateway.targets import TargetClient, read_targets
from services.gateway.webhooks.bootstrap import webhook_desk

REQUIRED = ("REDIS_URL", "MONGODB_URI")
QUEUES = (BULK_ACTION.queue,)
"""The queues that this service serves itself, by processes of their own (:mod:`services.gateway.worker_bootstrap`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that is ready to serve."""

    app: Flask
    reconciler: ReconcilerThread
    side_by_side: SideBySide
    services: TargetClient
    streams: Streams
    sampler: Sampler

    def start(self) -> None:
        """Starts what runs beside the requests."""
        self.reconciler.start()
        self.sampler.start()

    def close(self) -> None:
        """Ends what runs beside the requests."""
        self.sampler.stop()
        self.reconciler.stop()
        self.side_by_side.close()
        self.services.close()


def check_settings(settings: Settings) -> None:
    """Refuses settings that only show to be wrong when they are used.

    Raises:
        SettingsError: naming the setting.
    """
    Tokens(settings)
    read_targets(settings.service_urls)


def build(settings: Settings) -> Gateway:
    """The gateway; nothing is contacted until it is used, except by the reconciler, which is not started yet."""
    clock = SystemClock()
    scrape = timedelta(milliseconds=settings.scrape_timeout_ms)
    service_token = next(iter(tokens_of(settings.service_token)), "")

    database = connect_mongo(settings, service="gateway")
    redis = connect_redis(settings)
    ledger = MongoLedger(database)
    queues = {name: JobQueue(redis, name) for name in queue_names()}
    epoch = RedisEpoch(redis)
    side_by_side = SideBySide(deadline=scrape)
    services = TargetClient(read_targets(settings.service_urls), token=service_token, deadline=scrape)
    show_build(settings)
    metrics = GatewayMetrics(queues, UnfinishedWork(database))

    finder, decisions = JobFinder(ledger, queues), Decisions(ledger, queues, clock=clock)
    desk = QueueDesk(ledger, queues, clock=clock)
    messages = messages_of(settings, database, queues[MESSAGE_PROCESSING.queue])
    stores = {
        "redis": redis_probe(connect_redis(settings, socket_timeout_s=scrape.total_seconds())),
        "mongodb": mongodb_probe(database, deadline=scrape),
    }
    health = HealthCheck(stores, side_by_side, further=partial(service_probes, services, side_by_side))
    # A stream holds a thread; the other half is for everybody else.
    streams = Streams(queues, most=max(1, settings.gateway_threads // 2))
    history = RateHistory()
    sampler = Sampler(queues, Heartbeats(redis).seen, on_sample=history.note)
    sessions = Sessions(settings)
    door = Door(
        ledger,
        queues,
        room=epoch,
        admissions={
            BULK_AVAILABILITY.job_type: BulkAvailabilityAdmission(MongoLeadDirectory(database)),
            MESSAGE_PROCESSING.job_type: MessageAdmission(),
        },
        runner=DirectRuns(
            {
                BULK_AVAILABILITY.job_type: settings.availability_url,
                MESSAGE_PROCESSING.job_type: settings.messaging_url,
            },
            token=service_token,
            timeout=_direct_timeout(settings),
        ),
        clock=clock,
        new_id=new_job_id,
    )
    schedule_runs = ScheduleRuns(ledger, queues, clock=clock)
    dashboard = dashboard_parts(
        database,
        queues,
        sessions=sessions,
        ledger=ledger,
        finder=finder,
        decisions=decisions,
        desk=desk,
        door=door,
        schedule_runs=schedule_runs,
        sampler=sampler,
        history=history,
        health=health,
        messages=messages,
        region=settings.default_region,
        events=streams.of_queues,
    )

    app = create_app(
        Dependencies(
            settings=settings,
            tokens=Tokens(settings),
            queues=queues,
            door=door,
            finder=finder,
            decisions=decisions,
            desk=desk,
            initialize=Initializer(database).run,
            health=health,
            readiness=Readiness(HealthCheck(stores, side_by_side)),
            own_metrics=metrics,
            all_metrics=AllMetrics(
                metrics,
                instance=f"{socket.gethostname()}:{settings.port}",
                client=services,
                side_by_side=side_by_side,
            ),
            sampler=sampler,
            streams=streams,
            audit=MongoAuditLog(database),
            history=MongoHistory(database),
            replays=MessageReplayStore(database),
            clock=clock,
            further_routes=[
                *messaging_routes(settings, database, messages, schedule_runs, prefix=PREFIX),
                *sync_routes(settings, database, door, decisions, prefix=PREFIX),
                (troubles_routes(partial(facts_of, dashboard)), PREFIX),
                (outgoing_routes(webhook_desk(settings, database, queues[BULK_ACTION.queue])), PREFIX),
                (dashboard_routes(dashboard), DASHBOARD),
            ],
            session_caller=partial(caller_by_session, sessions),
        )
    )
    reconciler = ReconcilerThread(
        Reconciler(ledger, queues, epoch, clock=clock, after=timedelta(milliseconds=settings.reconcile_after_ms)),
        interval=timedelta(milliseconds=settings.reconcile_interval_ms),
        on_run=metrics.count_run,
    )
    return Gateway(
        app=app,
        reconciler=reconciler,
        side_by_side=side_by_side,
        services=services,
        streams=streams,
        sampler=sampler,
    )


def _direct_timeout(settings: Settings) -> timedelta:
    """Shorter than the reconciler's patience, which would enqueue a job that is still being answered."""
    return timedelta(milliseconds=min(settings.direct_timeout_ms, settings.reconcile_after_ms * 4 // 5))
