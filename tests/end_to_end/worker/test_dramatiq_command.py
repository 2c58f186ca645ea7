"""Dramatiq's own command runs a service's actors."""

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from bson import ObjectId
from pymongo.database import Database

from libs.cli.supervisor import ProcessSpec, Supervisor
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.credentials import new_credentials_key
from libs.common.ids import new_job_id
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY, BulkAvailability
from libs.common.ledger.model import LedgerEntry, NewEntry
from libs.common.ledger.mongo import MongoLedger
from libs.common.settings import Secret, Settings
from libs.common.stores.mongo import connect_mongo
from tests.waiting import wait_until


def test_dramatiq_services_availability_runs_a_job_to_its_end(
    redis_url: str, mongo_uri: str, mongo_database: Database[dict[str, Any]]
) -> None:
    lead_id = ObjectId()
    mongo_database["leads"].insert_one({"_id": lead_id, "workspaceId": "w1"})
    settings = Settings(redis_url=Secret(redis_url), mongodb_uri=Secret(mongo_uri))
    ledger = MongoLedger(connect_mongo(settings, service="test"))
    payload = BulkAvailability(lead_ids=[str(lead_id)], user_id="u1", workspace_id="w1")
    job_id = new_job_id()
    data = BULK_AVAILABILITY.dump(payload)
    ledger.accept(
        NewEntry(
            job_id=job_id,
            job_type=BULK_AVAILABILITY.job_type,
            queue=BULK_AVAILABILITY.queue,
            data=data,
            created_at=datetime.now(UTC),
        )
    )
    queue = JobQueue(redis.Redis.from_url(redis_url), BULK_AVAILABILITY.queue)
    queue.add([job_from(BULK_AVAILABILITY, payload, job_id=job_id, in_ledger=True)])

    program = shutil.which("dramatiq", path=str(Path(sys.executable).parent))
    assert program
    environ = {
        **os.environ,
        "REDIS_URL": redis_url,
        "MONGODB_URI": mongo_uri,
        "CREDENTIALS_KEY": new_credentials_key(),
        "PYTHONUNBUFFERED": "1",
    }
    command = (program, "services.availability", "--processes", "1", "--threads", "2")
    with Supervisor(on_line=lambda _name, _line: None) as supervisor:
        supervisor.start(ProcessSpec(name="dramatiq", command=command, environ=environ), restart=False)

        def ended() -> LedgerEntry | None:
            entry = ledger.get(job_id)
            return entry if entry and not entry.is_open else None

        entry = wait_until(ended, deadline_s=40, message="dramatiq did not run the job")
    assert entry is not None
    assert entry.result["invalid"] == 1
