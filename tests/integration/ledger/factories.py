"""Ledger entries for tests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from libs.common.broker.model import JobOptions
from libs.common.ids import new_job_id
from libs.common.jobs.states import LedgerStatus
from libs.common.ledger.model import Ending, NewEntry
from libs.common.stores.collections import ALL, JOBS
from libs.common.stores.mongo import Document

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEAD_ID = "65f0c0ffee0000000000abcd"


def sync_entry(
    *,
    job_id: str | None = None,
    integration_id: str = LEAD_ID,
    created_at: datetime = NOW,
    unique_key: str | None = None,
    options: JobOptions | None = None,
    data: Mapping[str, Any] | None = None,
) -> NewEntry:
    """An accepted sync; every one its own unless ``unique_key`` is given."""
    return NewEntry(
        job_id=job_id or new_job_id(),
        job_type="integration-sync",
        queue="integration-sync",
        data=data or {"integrationId": integration_id, "workspaceId": "w1", "mode": "full"},
        options=options or JobOptions(),
        workspace_id="w1",
        created_at=created_at,
        unique_key=unique_key,
    )


def create_jobs(database: Database[Document]) -> None:
    """Creates the ledger's indexes only; all collections would take most of a short test's time."""
    jobs = next(collection for collection in ALL if collection.name == JOBS)
    database[JOBS].create_indexes(list(jobs.indexes))


def completed(job_id: str, result: Any = None) -> Ending:
    return Ending(job_id=job_id, status=LedgerStatus.COMPLETED, finished_at=NOW, result=result)
