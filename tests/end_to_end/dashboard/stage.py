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
from libs.common.stores.collections import LEADS, LINES, MESSAGES
from libs.common.stores.line_health import LineHealthStore, LineLook, StoredHealth
from libs.common.stores.lines import HealthStatus
from libs.common.stores.mongo import Document
from libs.embedded import ports
from tests.waiting import wait_until

XSS: Final = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
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

    def bulk_run(self, leads: int) -> str:
        """The id of a run over so many new leads."""
        people = make_people(leads, seed=7)
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
        settings={"AVAILABILITY_CHUNK_SIZE": "25", "AVAILABILITY_RATE_PER_LINE": "12", "LOG_LEVEL": "warning"},
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
    _set_messages(scene.database, now)
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
    return {"dead": dead[0], "inert": dead[-1], "delayed": delayed[0], "run": scene.bulk_run(2_500)}


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


def _set_messages(database: Database[Document], now: datetime) -> None:
    texts = (
        ("+12125550123", "Hi Ada, you asked us to ring you this week. Would Thursday at 10 suit you?"),
        ("grace@example.com", f"Hello Grace, here is the link. {XSS}"),
    )
    database[MESSAGES].insert_many(
        [
            {
                "workspaceId": "acme",
                "to": to,
                "text": text,
                "status": "uncertain",
                "attempts": 1,
                "reason": "answer_unknown",
                "error": "The connection was reset before the provider answered.",
                "dispatchedAt": now - timedelta(minutes=40 * number),
                "createdAt": now - timedelta(hours=1),
                "updatedAt": now - timedelta(minutes=30 * number),
            }
            for number, (to, text) in enumerate(texts, start=1)
        ]
    )
