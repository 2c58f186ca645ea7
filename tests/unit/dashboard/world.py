"""A dashboard whose stores are in memory."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.exceptions import Conflict
from werkzeug.test import TestResponse

from libs.common.broker.model import Attempt, Children, JobPage, JobView, QueueStats
from libs.common.errors import StoreUnavailable
from libs.common.jobs.states import JobState
from libs.common.messages.model import Message
from libs.common.messages.states import MessageStatus
from libs.common.settings import Secret, Settings
from libs.common.stores.lines import HealthStatus, LineStatus
from libs.common.stores.message_desk import Resolution
from libs.common.stores.schedules import Schedule
from libs.common.stores.ticks import TickOutcome, TickRow
from services.gateway.answers import answer_errors_as_problems
from services.gateway.auth import Tokens, guard
from services.gateway.dashboard.access import caller_by_session
from services.gateway.dashboard.blueprint import PREFIX, dashboard_routes
from services.gateway.dashboard.jobs import Jobs
from services.gateway.dashboard.lines import LineRow
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.sessions import Sessions
from services.gateway.decisions import Decided
from services.gateway.health import Health, Part
from services.gateway.job_view import JobAnswer, merge
from services.gateway.queue_desk import BulkAnswer, DeadQuery, QueueAnswer
from services.gateway.rates import QueueRates
from tests.unit.ledger.fakes import FakeClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SERVICE_TOKEN, ADMIN_TOKEN = "look-only", "change-all"
XSS = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"


def job(job_id: str, state: JobState = JobState.WAITING, **told: Any) -> JobView:
    """A job of the queue ``integration-sync``."""
    values: dict[str, Any] = {
        "job_type": "integration-sync",
        "queue": "integration-sync",
        "group": "acme",
        "data": {"integrationId": "i1"},
        "created_at": NOW - timedelta(minutes=5),
        "finished_at": NOW - timedelta(minutes=1) if state in (JobState.FAILED, JobState.COMPLETED) else None,
    }
    return JobView(job_id=job_id, state=state, **{**values, **told})


def dead(job_id: str, error: str, **told: Any) -> JobView:
    """A dead letter."""
    attempt = Attempt(
        number=1,
        outcome="failed",
        error=error,
        worker="sync@host:7",
        started_at=NOW - timedelta(minutes=1),
        duration_ms=1_200,
    )
    return job(job_id, JobState.FAILED, attempts=(attempt,), attempts_made=1, reason=error, **told)


class FakeQueue:
    """A queue of views; ``away`` makes every call fail."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.views: dict[str, JobView] = {}
        self.paused = False
        self.away = False
        self.oldest = 0.0

    def show(self, *views: JobView) -> None:
        self.views |= {view.job_id: view for view in views}

    def stats(self) -> QueueStats:
        self._check()
        counts = {state.value: 0 for state in JobState}
        for view in self.views.values():
            counts[view.state.value] += 1
        if self.paused:
            counts["paused"], counts["waiting"] = counts["waiting"], 0
        return QueueStats(
            queue=self.name,
            counts=counts,
            paused=self.paused,
            oldest_waiting_seconds=self.oldest,
            totals={"completed": 0, "added": len(self.views), "retried": 0},
        )

    def get(self, job_id: str) -> JobView | None:
        self._check()
        return self.views.get(job_id)

    def browse(self, state: JobState, *, cursor: str = "", limit: int = 50, text: str = "") -> JobPage:
        self._check()
        found = [view for view in self.views.values() if view.state is state and text in (view.reason or "")]
        start = int(cursor or 0)
        rest = start + limit < len(found)
        return JobPage(jobs=tuple(found[start : start + limit]), cursor=str(start + limit) if rest else None)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("redis", "switched off by the test")


class World:
    """A dashboard, everything it asks, and what it decided."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings(service_token=Secret(SERVICE_TOKEN), admin_token=Secret(ADMIN_TOKEN))
        self.clock = FakeClock(NOW)
        self.queues = {name: FakeQueue(name) for name in ("integration-sync", "message-processing")}
        self.decided: list[tuple[str, str]] = []
        self.parts_health: Mapping[str, Part] = {"gateway": Part(status="up"), "redis": Part(status="up")}
        self.schedule_rows: dict[str, Schedule] = {}
        self.tick_rows: list[TickRow] = []
        self.line_rows: list[LineRow] = []
        self.open_messages: list[Message] = []
        self.speeds: dict[str, QueueRates] = {}
        self.mongodb_away = False
        self.payloads: dict[str, dict[str, Any]] = {}
        self.sessions = Sessions(self.settings)
        self.app = self._app()
        self.client: FlaskClient = self.app.test_client()

    @property
    def sync(self) -> FakeQueue:
        return self.queues["integration-sync"]

    def log_in(self, token: str = ADMIN_TOKEN) -> FlaskClient:
        answer = self.client.post(f"{PREFIX}/login", data={"token": token})
        assert answer.status_code == 303, answer.text
        return self.client

    def csrf(self) -> str:
        session = self.sessions.read(self._cookie())
        assert session is not None
        return session.csrf_token

    def open(self, path: str, *, status: int = 200) -> str:
        """The page as a browser gets it."""
        answer = self.client.get(f"{PREFIX}{path}", headers={"Accept": "text/html"})
        assert answer.status_code == status, answer.text
        return answer.text

    def send(self, path: str, **fields: Any) -> TestResponse:
        """What a form on our own page sends."""
        data = {"csrf": self.csrf(), **fields}
        return self.client.post(f"{PREFIX}{path}", data=data, headers={"Accept": "text/html"})

    # What the dashboard asks of jobs.

    def end(self, job_id: str) -> Decided:
        self.decided.append(("end", job_id))
        return Decided(job_id=job_id, queue="integration-sync", status="removed")

    def retry(self, job_id: str) -> Decided:
        view = self.sync.views.get(job_id)
        if view is None or view.state is not JobState.FAILED:
            raise Conflict("it is no dead letter")
        self.decided.append(("retry", job_id))
        return Decided(job_id=job_id, queue="integration-sync", status="retried")

    def promote(self, job_id: str) -> Decided:
        self.decided.append(("promote", job_id))
        return Decided(job_id=job_id, queue="integration-sync", status="promoted")

    def pause(self, name: str, *, paused: bool) -> QueueAnswer:
        self.queues[name].paused = paused
        return QueueAnswer(queue=name, paused=paused)

    def retry_dead(self, name: str, which: DeadQuery) -> BulkAnswer:
        self.decided.append(("retry all", name))
        return BulkAnswer(queue=name, done=3, refused=1, more=True)

    def remove_dead(self, name: str, which: DeadQuery) -> BulkAnswer:
        self.decided.append(("remove all", name))
        return BulkAnswer(queue=name, done=3, refused=0, more=False)

    # What it asks of schedules, ticks, lines and messages.

    def all(self) -> list[Any]:
        self._check_mongodb()
        return list(self.schedule_rows.values())

    def get(self, name: str) -> Schedule | None:
        return self.schedule_rows.get(name)

    def put(self, schedule: Schedule) -> None:
        self.schedule_rows[schedule.name] = schedule

    def latest(self, schedule: str, *, limit: int) -> list[TickRow]:
        return [tick for tick in self.tick_rows if tick.schedule == schedule][:limit]

    def uncertain(self, workspace_id: str | None, *, limit: int) -> list[Message]:
        self._check_mongodb()
        return self.open_messages[:limit]

    def resolve(self, message_id: str, resolution: Resolution, *, by: str) -> Message | None:
        found = next((message for message in self.open_messages if message.message_id == message_id), None)
        if found is not None:
            self.open_messages.remove(found)
            self.decided.append((resolution.value, message_id))
        return found

    def find(self, job_id: str) -> JobAnswer | None:
        views = (queue.get(job_id) for queue in self.queues.values())
        return merge(next((view for view in views if view), None), None, redis_there=True)

    def _check_mongodb(self) -> None:
        if self.mongodb_away:
            raise StoreUnavailable("mongodb", "switched off by the test")

    def _cookie(self) -> str | None:
        cookie = self.client.get_cookie("tuco_session", path=PREFIX)
        return cookie.value if cookie else None

    def _app(self) -> Flask:
        app = Flask("dashboard", static_folder=None)
        app.url_map.strict_slashes = False
        app.config["PROPAGATE_EXCEPTIONS"] = False
        guard(app, Tokens(self.settings), otherwise=lambda: caller_by_session(self.sessions))
        answer_errors_as_problems(app)
        parts = Parts(
            sessions=self.sessions,
            jobs=Jobs(self.queues, self, self),
            speeds=lambda: self.speeds,
            find=self.find,
            payload_of=self.payloads.get,
            health=lambda: Health(status="ok", parts=self.parts_health),
            schedules=self,
            ticks=self,
            lines=_Lines(self),
            messages=self,
            events=lambda seen: iter([f"data: after {seen}\n\n".encode()]),
            clock=self.clock,
        )
        app.before_request(lambda: setattr(g, "request_id", "r1"))
        app.register_blueprint(dashboard_routes(parts), url_prefix=PREFIX)
        return app


class _Lines:
    def __init__(self, world: World) -> None:
        self._world = world

    def all(self) -> list[LineRow]:
        return list(self._world.line_rows)

    def all_with_history(self, now: datetime) -> list[LineRow]:
        return list(self._world.line_rows)


def a_bit_of_everything(world: World, *, text: str = "plain") -> None:
    """Something on every page, with ``text`` wherever a stranger's text is shown."""
    world.sync.show(
        job("waits", group=text),
        dead("died", f"Boom {text}", log_lines=(text,)),
        job(
            "later",
            JobState.DELAYED,
            not_before=NOW + timedelta(minutes=4),
            reason=text,
            data={text: text},
            children=Children(pending=1, completed=2, failed=0),
        ),
        job("runs", JobState.ACTIVE, worker=text, progress={"total": 10, "checked": 4, text: text}),
        job("done", JobState.COMPLETED, result={text: text}, progress={text: text}),
    )
    world.schedule_rows["minutely"] = Schedule(name="minutely", job_type="scheduled-messages", cron="* * * * *")
    world.tick_rows = [
        TickRow(
            schedule="minutely", tick=NOW, outcome=TickOutcome.LATE, reason=text, decided_at=NOW, decided_by="scheduler"
        )
    ]
    world.line_rows = [
        LineRow(
            line_id="l1",
            workspace_id=text,
            label=text,
            address=text,
            provider=text,
            status=LineStatus.ACTIVE,
            health=HealthStatus.DOWN,
            checked_at=NOW,
            reason=text,
            history=("up", text),
        )
    ]
    world.open_messages = [
        Message(
            message_id="65f0c0ffee0000000000abcd",
            workspace_id=text,
            to=text,
            text=text,
            status=MessageStatus.UNCERTAIN,
            error=text,
        )
    ]


PAGES: Sequence[str] = (
    "/",
    "/queues/integration-sync",
    "/queues/integration-sync?state=failed",
    "/queues/integration-sync?state=delayed",
    "/queues/integration-sync?state=active",
    "/queues/integration-sync?state=completed",
    "/queues/integration-sync?state=waiting-children",
    "/jobs/waits",
    "/jobs/died",
    "/jobs/later",
    "/jobs/runs",
    "/jobs/done",
    "/dead",
    "/dead?queue=integration-sync",
    "/schedules",
    "/lines",
    "/messages",
)
