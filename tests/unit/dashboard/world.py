"""A dashboard whose stores are in memory."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.exceptions import Conflict
from werkzeug.test import TestResponse

from libs.common.broker.model import Attempt, Children, JobPage, JobView, QueueStats
from libs.common.budgets.contract import LineBudget, WorkspaceBudget
from libs.common.budgets.limits import LineLimits
from libs.common.budgets.records import Records
from libs.common.errors import StoreUnavailable
from libs.common.jobs.registry import contract_of
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.model import LedgerEntry
from libs.common.messages.explaining import Explanation, explain
from libs.common.messages.model import Message
from libs.common.messages.states import MessageStatus
from libs.common.settings import Secret, Settings
from libs.common.stores.lines import HealthStatus, LineStatus
from libs.common.stores.message_desk import Resolution
from libs.common.stores.message_search import MessageRecord, Shelf
from libs.common.stores.schedules import Schedule
from libs.common.stores.ticks import TickOutcome, TickRow
from libs.common.worker.heartbeat import Heartbeat, WorkerSeen
from services.gateway.answers import answer_errors_as_problems
from services.gateway.auth import Tokens, guard
from services.gateway.dashboard.access import caller_by_session
from services.gateway.dashboard.blueprint import PREFIX, dashboard_routes
from services.gateway.dashboard.jobs import Jobs
from services.gateway.dashboard.lines import LineRow
from services.gateway.dashboard.parts import Pace, Parts
from services.gateway.dashboard.rates import Series
from services.gateway.dashboard.sessions import Sessions
from services.gateway.decisions import Decided, Edited
from services.gateway.health import Health, Part
from services.gateway.job_view import JobAnswer, merge
from services.gateway.message_desk import Books
from services.gateway.orders import Order
from services.gateway.queue_desk import BulkAnswer, DeadQuery, QueueAnswer
from services.gateway.rates import QueueRates
from services.gateway.submission import Receipt
from tests.unit.dashboard.stores import Past, Runs, Syncs, a_list, an_integration, one_lead
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

    def browse(
        self,
        state: JobState,
        *,
        cursor: str = "",
        limit: int = 50,
        job_type: str = "",
        group: str | None = None,
        text: str = "",
    ) -> JobPage:
        self._check()
        found = [
            view
            for view in self.views.values()
            if view.state is state
            and text in (view.reason or "")
            and job_type in ("", view.job_type)
            and group in (None, view.group)
        ]
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
        self.rates: dict[str, QueueRates] = {}
        self.workers: list[WorkerSeen] = []
        self.drawn: dict[str, Series] = {}
        self.past = Past()
        self.runs = Runs()
        self.syncs = Syncs()
        self.submitted: list[tuple[str, Mapping[str, Any], str | None]] = []
        self.run_now: list[str] = []
        self.records = Records()
        self.mongodb_away = False
        self.ledger: dict[str, LedgerEntry] = {}
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

    def owe(self, job_id: str) -> None:
        """Lets the ledger know a job, as one that has failed."""
        self.ledger[job_id] = LedgerEntry(
            job_id=job_id,
            job_type="integration-sync",
            queue="integration-sync",
            status=LedgerStatus.FAILED,
            created_at=NOW - timedelta(minutes=5),
        )

    def retry_with(self, job_id: str, data: Mapping[str, Any]) -> Edited:
        payload = contract_of("integration-sync").parse(data)
        self.decided.append(("retry with", job_id))
        after = contract_of("integration-sync").dump(payload)
        decided = Decided(job_id=job_id, queue="integration-sync", status="retried")
        return Edited(decided, before={}, after=after)

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

    def count_uncertain(self, workspace_id: str | None, *, most: int) -> int:
        return len(_Search(self).on(Shelf.UNCERTAIN, workspace_id, limit=most))

    def explain(self, message_id: str) -> Explanation | None:
        found = next((each for each in self.open_messages if each.message_id == message_id), None)
        if found is None:
            return None
        return explain(found, stopped=None, queue_paused=False, now=NOW)

    def books(self, workspace_id: str) -> Books:
        lines = tuple(
            LineBudget(line_id=row.line_id, zone=ZoneInfo("UTC"), limits=LineLimits(per_minute=20, per_day=100))
            for row in self.line_rows
            if row.workspace_id == workspace_id
        )
        budget = WorkspaceBudget(workspace_id=workspace_id, zone=ZoneInfo("UTC"), lines=lines)
        return Books(budget=budget, usable=[line.line_id for line in lines], records=self.records)

    def submit(self, order: Order, key: str | None) -> Receipt:
        self.submitted.append((order.contract.job_type, order.data, key))
        return Receipt(job_id="new-job", queue=order.contract.queue, status="accepted")

    def run_schedule(self, schedule: Schedule) -> str:
        self.run_now.append(schedule.name)
        return "ticked"

    def resolve(self, message_id: str, resolution: Resolution, *, by: str) -> Message | None:
        found = next((message for message in self.open_messages if message.message_id == message_id), None)
        if found is not None:
            self.open_messages.remove(found)
            self.decided.append((resolution.value, message_id))
        return found

    def find(self, job_id: str) -> JobAnswer | None:
        views = (queue.get(job_id) for queue in self.queues.values())
        view = next((view for view in views if view), None)
        return merge(view, self.ledger.get(job_id), redis_there=True)

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
        parts = self.parts = Parts(
            sessions=self.sessions,
            jobs=Jobs(self.queues, self, self),
            pace=lambda: Pace(
                queues=[queue.stats() for queue in self.queues.values()], rates=self.rates, workers=self.workers
            ),
            series=lambda queue: self.drawn.get(queue, Series()),
            find=self.find,
            payload_of=self.payloads.get,
            history=self.past,
            lists=self.runs,
            outcomes=self.runs,
            submit=self.submit,
            health=lambda: Health(status="ok", parts=self.parts_health),
            schedules=self,
            ticks=self,
            run_schedule=self.run_schedule,
            lines=_Lines(self),
            messages=self,
            search=_Search(self),
            region="US",
            integrations=self.syncs,
            sync_runs=self.syncs,
            events=lambda seen: iter([f"data: after {seen}\n\n".encode()]),
            clock=self.clock,
        )
        app.before_request(lambda: setattr(g, "request_id", "r1"))
        app.register_blueprint(dashboard_routes(parts), url_prefix=PREFIX)
        return app


class _Lines:
    def __init__(self, world: World) -> None:
        self._world = world

    def all(self, workspace_id: str | None = None) -> list[LineRow]:
        return [row for row in self._world.line_rows if workspace_id in (None, row.workspace_id)]

    def all_with_history(self, now: datetime, workspace_id: str | None = None) -> list[LineRow]:
        return self.all(workspace_id)


class _Search:
    def __init__(self, world: World) -> None:
        self._world = world

    def on(self, shelf: Shelf, workspace_id: str | None, *, limit: int) -> list[Message]:
        self._world._check_mongodb()
        return [
            each
            for each in self._world.open_messages
            if workspace_id in (None, each.workspace_id) and shelf.value in (Shelf.LATEST, each.status.value)
        ][:limit]

    def to(self, recipients: Sequence[str], workspace_id: str | None, *, limit: int) -> list[Message]:
        return [each for each in self.on(Shelf.LATEST, workspace_id, limit=limit) if each.to in recipients]

    def record(self, message_id: str) -> MessageRecord | None:
        found = next((each for each in self._world.open_messages if each.message_id == message_id), None)
        return MessageRecord(message=found) if found else None


def a_bit_of_everything(world: World, *, text: str = "plain") -> None:
    """Something on every page, with ``text`` wherever a stranger's text is shown."""
    world.sync.show(
        job("waits", group=text),
        dead("died", f"Boom {text}", log_lines=(text,), data={text: text}),
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
    world.owe("died")
    world.workers = [
        WorkerSeen(
            worker=text, seen_seconds_ago=12, said=Heartbeat(service="sync", queues=["integration-sync"], held=2)
        )
    ]
    world.runs.show(a_list("list1", text=text), one_lead("list1", text=text))
    world.syncs.show(an_integration("65f0c0ffee0000000000aaaa", text=text))
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
    "/dead?workspace=acme",
    "/lists",
    "/lists/list1",
    "/lists/list1?outcome=unknown",
    "/integrations",
    "/integrations/65f0c0ffee0000000000aaaa",
    "/integrations/65f0c0ffee0000000000aaaa/runs/65f0c0ffee0000000000bbbb",
    "/schedules",
    "/lines",
    "/messages",
    "/messages?show=failed",
    "/messages?to=plain",
    "/messages/65f0c0ffee0000000000abcd",
)
