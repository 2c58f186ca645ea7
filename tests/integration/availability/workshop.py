"""Gives a worker in this process leads, lines and runs, and waits for what becomes of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from bson import ObjectId
from pymongo.database import Database

from libs.common.broker.connection import connect_redis
from libs.common.broker.enqueue import job_from
from libs.common.broker.model import JobView
from libs.common.broker.queue import JobQueue
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.ids import new_job_id
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY, BulkAvailability
from libs.common.ledger.model import NewEntry
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Secret, Settings
from libs.common.stores.lines import line_record
from libs.common.stores.mongo import Document
from libs.common.worker.worker import Worker
from libs.simulators.bluebubbles import BlueBubblesSimulator
from services.availability.bootstrap import BulkAvailability as Service
from services.availability.bootstrap import build_bulk_availability
from tests.waiting import wait_until

WORKSPACE = "workspace-1"
ENDPOINT = "handle/availability/imessage"
UNPACED = 1e6


def new_settings(redis_url: str, mongo_uri: str, **changes: Any) -> Settings:
    """Settings of a worker on these servers."""
    return msgspec.structs.replace(
        Settings(
            redis_url=Secret(redis_url),
            mongodb_uri=Secret(mongo_uri),
            credentials_key=Secret(new_credentials_key()),
            service_token=Secret("test-token"),
            lease_ms=2_000,
            availability_chunk_size=50,
            availability_rate_per_line=UNPACED,
            provider_timeout_ms=500,
        ),
        **changes,
    )


class Workshop:
    """A worker, started when it is first needed, and what is needed to give it work."""

    def __init__(self, settings: Settings, database: Database[Document]) -> None:
        self.settings = settings
        self.database = database
        self.redis = connect_redis(settings)
        self.queue = JobQueue(self.redis, BULK_AVAILABILITY.queue)
        self.ledger = MongoLedger(database)
        self._vault = CredentialsVault(settings.credentials_key)
        self._running: list[tuple[Worker, Service]] = []

    def add_line(self, url: str, password: str, *, workspace: str = WORKSPACE, **fields: Any) -> str:
        line_id = ObjectId()
        self.database.lines.insert_one(
            {
                "_id": line_id,
                "workspaceId": workspace,
                "name": "line",
                "provider": "bluebubbles",
                "serverUrl": url,
                "credentials": self._vault.seal({"password": password}, record=line_record(str(line_id))),
                "status": "active",
                **fields,
            }
        )
        return str(line_id)

    def add_lines(self, simulator: BlueBubblesSimulator, **fields: Any) -> list[str]:
        """All of the simulator's lines."""
        return [self.add_line(line.server_url, line.password, **fields) for line in simulator.lines]

    def add_leads(
        self, contacts: Sequence[tuple[object, object]], *, workspace: str = WORKSPACE, **fields: Any
    ) -> list[str]:
        """Leads with these phones and emails; ``None`` leaves the field out."""
        documents = []
        for phone, email in contacts:
            document: Document = {"_id": ObjectId(), "workspaceId": workspace, **fields}
            document |= {name: value for name, value in (("phone", phone), ("email", email)) if value is not None}
            documents.append(document)
        self.database.leads.insert_many(documents)
        return [str(document["_id"]) for document in documents]

    def accept(self, lead_ids: Sequence[str], *, workspace: str = WORKSPACE) -> str:
        """Accepts a run as the gateway does; answers its id."""
        payload = BulkAvailability(lead_ids=list(lead_ids), user_id="user-1", workspace_id=workspace)
        job_id = new_job_id()
        self.ledger.accept(
            NewEntry(
                job_id=job_id,
                job_type=BULK_AVAILABILITY.job_type,
                queue=BULK_AVAILABILITY.queue,
                data=BULK_AVAILABILITY.dump(payload),
                created_at=datetime.now(UTC),
                workspace_id=workspace,
            )
        )
        self.queue.add([job_from(BULK_AVAILABILITY, payload, job_id=job_id, in_ledger=True)])
        return job_id

    def build(self) -> Service:
        """The service's parts, without a worker; closed with the workshop."""
        return build_bulk_availability(self.settings, self.database)

    def work(self) -> Worker:
        """A worker that runs until the test ends."""
        service = self.build()
        worker = Worker(service.broker, queues=[BULK_AVAILABILITY.queue], concurrency=8)
        worker.start()
        self._running.append((worker, service))
        return worker

    def finish(self, job_id: str, *, deadline_s: float = 30.0) -> JobView:
        """The job when it has ended."""

        def ended() -> JobView | None:
            view = self.queue.get(job_id)
            return view if view and view.state in ("completed", "failed") else None

        view = wait_until(ended, deadline_s=deadline_s, message="the run ends")
        assert view is not None
        return view

    def run(
        self, lead_ids: Sequence[str], *, workspace: str = WORKSPACE, deadline_s: float = 30.0
    ) -> Mapping[str, Any]:
        """The result of a run of these leads."""
        if not self._running:
            self.work()
        view = self.finish(self.accept(lead_ids, workspace=workspace), deadline_s=deadline_s)
        assert view.state == "completed", view
        result: Mapping[str, Any] = view.result
        return result

    def availability(self, lead_id: str) -> Document:
        """What is stored of a lead's availability; empty where nothing is."""
        lead = self.database.leads.find_one({"_id": ObjectId(lead_id)})
        assert lead is not None
        found: Document = lead.get("availability") or {}
        return found

    def close(self) -> None:
        for worker, service in self._running:
            worker.stop(grace=timedelta(seconds=5))
            service.close()
        self.redis.close()
