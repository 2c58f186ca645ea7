"""What the service listens to: syncs of integrations."""

from typing import Any

from libs.common.broker.actors import JobBroker, JobContext, job_actor
from libs.common.jobs.integration_sync import INTEGRATION_SYNC, IntegrationSync
from services.sync.engine.run import SyncEngine
from services.sync.metrics import expect_syncs


def declare(engine: SyncEngine, broker: JobBroker) -> None:
    """Makes the broker run syncs here."""
    expect_syncs()

    @job_actor(INTEGRATION_SYNC, broker=broker)
    async def sync(payload: IntegrationSync, job: JobContext) -> dict[str, Any]:
        return await engine.run(payload, job)
