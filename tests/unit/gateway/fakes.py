"""A gateway whose stores are in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from libs.common.jobs.message_replay import MessageReplay
from libs.common.jobs.registry import queues as queue_names
from libs.common.ledger.history import HistoryPage, HistoryQuery
from libs.common.settings import Secret, Settings
from libs.common.stores.message_replay import ReplayCount
from libs.common.worker.heartbeat import WorkerSeen
from services.gateway.admission import BulkAvailabilityAdmission, MessageAdmission
from services.gateway.app import Dependencies, create_app
from services.gateway.audit import AuditEntry, AuditPage
from services.gateway.auth import Tokens
from services.gateway.decisions import Decisions
from services.gateway.direct import DirectRunFailed
from services.gateway.health import HealthCheck, Probe, Readiness
from services.gateway.initializer import Initialized
from services.gateway.job_view import JobFinder
from services.gateway.metrics import AllMetrics, GatewayMetrics
from services.gateway.queue_desk import QueueDesk
from services.gateway.sampler import Sampler
from services.gateway.side_by_side import SideBySide
from services.gateway.store_metrics import Unfinished
from services.gateway.streams import Streams
from services.gateway.submission import Door
from services.gateway.targets import TargetClient
from tests.unit.ledger.fakes import FakeClock, FakeEpoch, MemoryLedger, MemoryQueue

SERVICE_TOKEN = "service-token"
ADMIN_TOKEN = "admin-token"
SERVICE = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

KNOWN_LEADS = [f"{n:024x}" for n in range(1, 31)]
"""The leads of workspace ``w1``."""


class FakeLeads:
    """Knows :data:`KNOWN_LEADS`."""

    def has_any(self, workspace_id: str, lead_ids: Sequence[str]) -> bool:
        return workspace_id == "w1" and not set(KNOWN_LEADS).isdisjoint(lead_ids)


@dataclass
class FakeRunner:
    """Answers direct runs with ``result``, or fails while it is ``None``."""

    result: Any = None
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def run(self, job_type: str, job_id: str, data: dict[str, Any]) -> Any:
        self.calls.append((job_type, job_id, data))
        if self.result is None:
            raise DirectRunFailed("switched off by the test")
        return self.result


class MemoryAuditLog:
    """An audit log in a list."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def record(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def page(self, *, before: str, limit: int) -> AuditPage:
        return AuditPage(entries=self.entries[::-1][:limit], cursor=None)


class FakeStoreFacts:
    """Some unfinished work."""

    def now(self) -> Unfinished:
        return Unfinished(jobs=3, messages={"scheduled": 2, "uncertain": 1})


@dataclass
class FakeHistory:
    """A history without jobs, which remembers what it was asked."""

    asked: list[HistoryQuery] = field(default_factory=list)

    def page(self, asked: HistoryQuery, *, cursor: str, limit: int) -> HistoryPage:
        self.asked.append(asked)
        return HistoryPage(jobs=(), cursor=None)


@dataclass
class FakeReplays:
    """Messages by their ids; each is queued again once."""

    messages: list[str] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)

    def count(self, order: MessageReplay, *, sample: int) -> ReplayCount:
        return ReplayCount(count=len(self.messages), exact=True, left_out=0, sample=self.messages[:sample])

    def page(self, order: MessageReplay, *, after: str, limit: int) -> list[str]:
        return [each for each in self.messages if each > after and each not in self.queued][:limit]

    def queue_again(self, order: MessageReplay, message_ids: Sequence[str], *, by: str) -> list[str]:
        self.queued += message_ids
        return list(message_ids)


class World:
    """A gateway's app and everything it calls."""

    def __init__(self, settings: Settings | None = None, probes: Mapping[str, Probe] | None = None) -> None:
        self.settings = settings or Settings(
            service_token=Secret(SERVICE_TOKEN), admin_token=Secret(ADMIN_TOKEN), max_body_bytes=1_000_000
        )
        self.ledger = MemoryLedger()
        self.queues = {name: MemoryQueue(name) for name in queue_names()}
        self.epoch = FakeEpoch()
        self.reconcile_after = timedelta(seconds=10)
        self.clock = FakeClock()
        self.runner = FakeRunner()
        self.audit = MemoryAuditLog()
        self.history = FakeHistory()
        self.replays = FakeReplays()
        self.workers: list[WorkerSeen] = []
        self.sampler = Sampler(self.queues, lambda: self.workers)
        self.streams = Streams(self.queues, most=3, look_every_s=0.005, beat_every_s=0.02)
        self.ids = iter(f"id{n}" for n in range(1_000))
        self.door = Door(
            self.ledger,
            self.queues,
            room=self.epoch,
            admissions={
                BULK_AVAILABILITY.job_type: BulkAvailabilityAdmission(FakeLeads()),
                MESSAGE_PROCESSING.job_type: MessageAdmission(),
            },
            runner=self.runner,
            clock=self.clock,
            new_id=lambda: next(self.ids),
        )
        self.app = self._app(probes or {})
        self.client: FlaskClient = self.app.test_client()

    @property
    def enqueued(self) -> list[str]:
        """The ids of the jobs in all queues."""
        return [job_id for queue in self.queues.values() for job_id in queue.jobs]

    def _app(self, probes: Mapping[str, Probe]) -> Flask:
        side_by_side = SideBySide(deadline=timedelta(seconds=1), threads=4)
        self.metrics = metrics = GatewayMetrics(self.queues, FakeStoreFacts())
        client = TargetClient((), token="", deadline=timedelta(seconds=1))
        return create_app(
            Dependencies(
                settings=self.settings,
                tokens=Tokens(self.settings),
                queues=self.queues,
                door=self.door,
                finder=JobFinder(self.ledger, self.queues),
                decisions=Decisions(self.ledger, self.queues, clock=self.clock),
                desk=QueueDesk(self.ledger, self.queues, clock=self.clock),
                initialize=lambda: Initialized(collections=[], indexes=[], schedules=["health-check"]),
                health=HealthCheck(probes, side_by_side),
                readiness=Readiness(HealthCheck(probes, side_by_side)),
                own_metrics=metrics,
                sampler=self.sampler,
                streams=self.streams,
                audit=self.audit,
                history=self.history,
                replays=self.replays,
                clock=self.clock,
                all_metrics=AllMetrics(metrics, instance="here:1", client=client, side_by_side=side_by_side),
            )
        )
