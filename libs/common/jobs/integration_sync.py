"""`integration-sync`: bring a CRM's rows into the workspace's leads, one run at a time per integration."""

from datetime import timedelta
from enum import StrEnum

from libs.common.jobs.contract import JobContract, Origin, Payload
from libs.common.jobs.fields import NonEmptyText, ObjectIdText


class SyncMode(StrEnum):
    """What a run reads: everything, or what changed since the last one."""

    INCREMENTAL = "incremental"
    FULL = "full"


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
    time_limit=timedelta(minutes=30),
    unique_key=lambda payload: payload.integration_id,
    workspace=lambda payload: payload.workspace_id,
)
