"""`integration-sync`: bring a CRM's rows into the workspace's leads, one run at a time per integration."""

from datetime import timedelta
from enum import StrEnum

from libs.common.jobs.contract import JobContract, Origin, Payload
from libs.common.jobs.fields import NonEmptyText, ObjectIdText


class SyncMode(StrEnum):
    """What a run reads, and whether it writes."""

    INCREMENTAL = "incremental"
    """What changed since the last completed run; everything, where there has been none."""
    FULL = "full"
    """Everything."""
    DRY_RUN = "dryRun"
    """Everything, and writes no lead: counts and samples of what a full run would do. A mode of its own, because an
    old worker ignores an unknown field, but refuses an unknown mode."""


class IntegrationSync(Payload, frozen=True, kw_only=True):
    """The integration to sync."""

    integration_id: ObjectIdText
    workspace_id: NonEmptyText
    mode: SyncMode = SyncMode.INCREMENTAL


INTEGRATION_SYNC = JobContract(
    job_type="integration-sync",
    queue="integration-sync",
    payload=IntegrationSync,
    origin=Origin.REST,
    # A run gives its worker up every two minutes, at a page's end.
    time_limit=timedelta(minutes=5),
    unique_key=lambda payload: f"{payload.workspace_id}/{payload.integration_id}",
    workspace=lambda payload: payload.workspace_id,
)
