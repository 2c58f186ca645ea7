"""A whole installation with something to look at: a run that goes on, dead letters, lines in trouble, questions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import msgspec
from bson import ObjectId
from pymongo.database import Database

from libs.cli.demo.people import make_people
from libs.cli.services import BULK_AVAILABILITY, GATEWAY, Service
from libs.cli.simulators import DEMO_WORKSPACE, SimulatorSettings
from libs.cli.stack import Plan, Stack
from libs.cli.state_folder import new_secrets
from libs.cli.supervisor import Supervisor
from libs.common.settings import Settings, tokens_of
from libs.common.stores.collections import INTEGRATIONS, JOBS, LEADS, LINES, MESSAGES, SYNC_ERRORS, SYNC_RUNS
from libs.common.stores.line_health import LineHealthStore, LineLook, StoredHealth
from libs.common.stores.lines import HealthStatus
from libs.common.stores.mongo import Document
from libs.embedded import ports
from tests.waiting import wait_until

XSS: Final = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
DEMO_TOKEN: Final = "shows-the-demo-workspace-alone"
"""A token that is bound to the workspace of the simulated lines."""
SERVICES: Final = (
    GATEWAY,
    BULK_AVAILABILITY,
    Service(name="sync", module="services.sync"),
    Service(name="scheduler", module="services.scheduler"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The installation as a test meets it.

    Args:
        url: the gateway's address.
        admin_token: lets one do everything.
        service_token: lets one look.
        database: its database.
        api: a client with the admin token.
    """

    url: str
    admin_token: str
    service_token: str
    database: Database[Document]
    api: httpx.Client

    def enqueue(self, job_type: str, data: dict[str, Any], **options: Any) -> str:
        """The id of a new job."""
        answer = self.api.post("/api/bullmq/jobs", json={"jobType": job_type, "data": data, "options": options})
        answer.raise_for_status()
        return str(answer.json()["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as the API shows it."""
        answer = self.api.get(f"/api/bullmq/jobs/{job_id}")
        answer.raise_for_status()
        return dict(answer.json())

    def dead_letter(self, workspace: str = "acme") -> str:
        """The id of a job that has died: the sync of an integration that is not there."""
        job_id = self.enqueue("integration-sync", {"integrationId": str(ObjectId()), "workspaceId": workspace})
        wait_until(lambda: self.job(job_id)["state"] == "failed", deadline_s=30, message="the job dies")
        return job_id

    def finished_run(self, leads: int, *, unknown: int) -> str:
        """The id of a run that has ended, in which no line could answer for some of its leads."""
        run_id = self.bulk_run(leads, seed=8)
        wait_until(lambda: self.job(run_id)["state"] == "completed", deadline_s=60, message="the run ends")
        answered = self.database[LEADS].find({"availability.runId": run_id, "availability.status": "available"})
        lost = [lead["_id"] for lead in answered.limit(unknown)]
        gone = {"status": "unknown", "reason": "lines_busy", "service": None, "handle": None}
        changes = {f"availability.{name}": value for name, value in gone.items()}
        self.database[LEADS].update_many({"_id": {"$in": lost}}, {"$set": changes})
        fewer = {"result.available": -len(lost), "result.unknown": len(lost)}
        self.database[JOBS].update_one({"_id": run_id}, {"$inc": fewer})
        return run_id

    def bulk_run(self, leads: int, *, seed: int = 7) -> str:
        """The id of a run over so many new leads."""
        people = make_people(leads, seed=seed)
        documents = [person.document(DEMO_WORKSPACE, at=datetime.now(UTC)) for person in people]
        ids = self.database[LEADS].insert_many(documents).inserted_ids
        data = {"leadIds": list(map(str, ids)), "userId": "demo", "workspaceId": DEMO_WORKSPACE}
        return self.enqueue("bulk-availability-check", data)


@contextmanager
def playing() -> Iterator[Scene]:
    """An installation of its own, on servers of its own, gone afterwards."""
    ours = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    plan = Plan(
        data=None,
        secrets=new_secrets(),
        port=ports.choose(),
        workspace=DEMO_WORKSPACE,
        simulators=SimulatorSettings(lines=4, latency_ms=40),
        settings={
            "AVAILABILITY_CHUNK_SIZE": "25",
            "AVAILABILITY_RATE_PER_LINE": "12",
            "LOG_LEVEL": "warning",
            "WORKSPACE_TOKENS": f"{DEMO_WORKSPACE}={DEMO_TOKEN}",
        },
        services=SERVICES,
    )
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    supervisor = Supervisor(on_line=lambda _name, _line: None, on_event=lambda _event: None)
    with Stack(plan, environ=environ, supervisor=supervisor) as stack:
        ill = stack.await_health(timeout_s=60)
        assert ill is None, ill
        stack.initialize()
        (admin_token, *_), (service_token, *_) = (
            tokens_of(stack.settings.admin_token),
            tokens_of(stack.settings.service_token),
        )
        database = stack.database()
        headers = {"Authorization": f"Bearer {admin_token}"}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=30, trust_env=False) as api:
            yield Scene(url=stack.url, admin_token=admin_token, service_token=service_token, database=database, api=api)
        database.client.close()


def set_scene(scene: Scene) -> dict[str, str]:
    """Makes something of everything to look at; answers the jobs that matter by what they are."""
    now = datetime.now(UTC)
    _set_lines(scene.database, now)
    set_messages(scene.database, now)
    integration, sync_run = set_integrations(scene.database, now)
    done = scene.finished_run(60, unknown=7)
    dead = [scene.dead_letter(workspace) for workspace in ("acme", "acme", "northwind", "acme", XSS)]
    for _ in range(9):
        scene.enqueue("integration-sync", {"integrationId": str(ObjectId()), "workspaceId": "globex"})
    delayed = [
        scene.enqueue(
            "integration-sync", {"integrationId": str(ObjectId()), "workspaceId": "acme"}, delayMs=minutes * 60_000
        )
        for minutes in (4, 25, 90)
    ]
    for _ in range(12):
        scene.enqueue("message-processing", {"messageId": str(ObjectId()), "workspaceId": "acme"}, delayMs=1)
    message = scene.database[MESSAGES].find_one({"status": "uncertain"}, sort=[("_id", 1)])
    return {
        "dead": dead[0],
        "inert": dead[-1],
        "delayed": delayed[0],
        "done": done,
        "message": str(message["_id"] if message else ""),
        "integration": integration,
        "sync_run": sync_run,
        "run": scene.bulk_run(6_000),
    }


def _set_lines(database: Database[Document], now: datetime) -> None:
    """Gives the lines a past: most are well, one is down, one answers badly."""
    lines = list(database[LINES].find().sort("name", 1))
    store = LineHealthStore(database)
    looks = []
    for number, line in enumerate(lines):
        before = None
        for step in range(70, -1, -1):
            status, reason = HealthStatus.UP, None
            if number == 1 and step < 9:
                status, reason = HealthStatus.DOWN, "the server does not answer: connection refused"
            elif number == 2 and (step < 3 or 40 < step < 46):
                status, reason = HealthStatus.DEGRADED, "answers take longer than 2 s"
            health = StoredHealth(
                status=status,
                checked_at=now - timedelta(minutes=5 * step),
                latency_ms=2_400 if status is HealthStatus.DEGRADED else 38 + 7 * ((step * 5 + number) % 9),
                reason=reason,
            )
            looks.append(LineLook(line_id=str(line["_id"]), workspace_id=DEMO_WORKSPACE, health=health, before=before))
            before = status
    # The conclusion that counts is the latest, so the looks are told in their order.
    for look in looks:
        store.record([look])


def set_messages(database: Database[Document], now: datetime) -> None:
    """Messages of every kind: to be decided about, failed, sent today on the lines, and promised for later."""
    texts = (
        ("+12125550123", "Hi Ada, you asked us to ring you this week. Would Thursday at 10 suit you?"),
        ("grace@example.com", f"Hello Grace, here is the link. {XSS}"),
    )
    of_acme: Document = {"workspaceId": "acme", "attempts": 1, "createdAt": now - timedelta(hours=1)}
    uncertain = [
        {
            **of_acme,
            "to": to,
            "text": text,
            "status": "uncertain",
            "reason": "answer_unknown",
            "error": "The connection was reset before the provider answered.",
            "dispatchedAt": now - timedelta(minutes=40 * number),
            "updatedAt": now - timedelta(minutes=30 * number),
        }
        for number, (to, text) in enumerate(texts, start=1)
    ]
    failed = {
        **of_acme,
        "to": "+1212",
        "text": "Hi Alan, is Friday still good?",
        "status": "failed",
        "reason": "invalid_recipient",
        "error": "The recipient is no phone number.",
        "updatedAt": now - timedelta(minutes=12),
    }
    lines = [line["_id"] for line in database[LINES].find().sort("name", 1)]
    sent = [
        {
            "workspaceId": DEMO_WORKSPACE,
            "to": f"+1212555{number:04}",
            "text": "Hello from the demonstration.",
            "lineId": lines[0 if number % 5 else 3],
            "status": "sent",
            "attempts": 1,
            "startsConversation": number < 48,
            "clientReference": f"tuco-stage-{number}",
            "providerMessageId": f"stage-{number}",
            "dispatchedAt": now - timedelta(seconds=3 * number),
            "sentAt": now - timedelta(seconds=3 * number),
            "createdAt": now - timedelta(seconds=3 * number + 1),
            "updatedAt": now - timedelta(seconds=3 * number),
        }
        for number in range(1, 90)
    ]
    database[MESSAGES].insert_many([*uncertain, failed, *sent])


def set_integrations(database: Database[Document], now: datetime) -> tuple[str, str]:
    """Two integrations with their runs, of which one was refused; answers an integration and a run with bad rows."""
    good, bad = ObjectId(), ObjectId()
    common: Document = {"settings": {}, "fieldMap": {}, "credentials": "", "createdAt": now, "updatedAt": now}
    database[INTEGRATIONS].insert_many(
        [
            {
                **common,
                "_id": good,
                "workspaceId": "acme",
                "provider": "hubspot",
                "name": "HubSpot of the sales team",
                "status": "active",
                "lastSyncAt": now - timedelta(hours=2),
                "cursor": {"readUntil": now - timedelta(hours=2)},
            },
            {
                **common,
                "_id": bad,
                "workspaceId": "northwind",
                "provider": "google-sheets",
                "name": "Trade fair",
                "status": "needs_attention",
                "statusReason": "The sheet is not shared with the service account any more.",
            },
        ]
    )
    runs: list[Document] = [
        {
            "_id": ObjectId(),
            "integrationId": good,
            "workspaceId": "acme",
            "jobId": f"stage-{number}",
            "mode": "full" if number == 3 else "incremental",
            "status": "completed",
            "owner": "",
            "counts": {
                "fetched": 4_120 if number == 3 else 35 * number,
                "created": 3_980 if number == 3 else number,
                "updated": 34 * number if number < 3 else 60,
                "unchanged": 0,
                "skipped": 40 if number == 3 else 0,
                "failed": 40 if number == 3 else 0,
            },
            "checkpoint": {"pages": 42, "problems": 40, "done": True},
            "total": 4_120 if number == 3 else None,
            "startedAt": now - timedelta(hours=2 * number),
            "finishedAt": now - timedelta(hours=2 * number) + timedelta(seconds=9 * number),
        }
        for number in (1, 2, 3)
    ]
    refused: Document = {**runs[0], "_id": ObjectId(), "integrationId": bad, "workspaceId": "northwind"}
    refused |= {"jobId": "stage-refused", "status": "failed", "error": "The provider answers 403: PERMISSION_DENIED."}
    refused["counts"] = dict.fromkeys(refused["counts"], 0)
    database[SYNC_RUNS].insert_many([*runs, refused])
    kinds = [("phone", "invalid", "555-CALL-NOW", False), ("email", "invalid", "ada at example", True)]
    database[SYNC_ERRORS].insert_many(
        [
            {
                "runId": runs[2]["_id"],
                "integrationId": good,
                "workspaceId": "acme",
                "row": str(1_000 + number),
                "field": field,
                "value": XSS if number == 4 else value,
                "reason": reason,
                "fatal": fatal,
                "at": now - timedelta(hours=6),
            }
            for number in range(40)
            for field, reason, value, fatal in (kinds[number % 3 == 0],)
        ]
    )
    return str(good), str(runs[2]["_id"])
