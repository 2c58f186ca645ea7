"""What the gateway's own worker listens to: what people order through it and is too long for a request."""

from typing import Any

from libs.common.broker.actors import JobBroker, JobContext, job_actor
from libs.common.jobs.bulk_action import BULK_ACTION, BulkOrder
from services.gateway.bulk.running import BulkRuns


def declare_bulk(runs: BulkRuns, broker: JobBroker) -> None:
    """Makes the broker run bulk actions here."""

    @job_actor(BULK_ACTION, broker=broker)
    async def act(order: BulkOrder, job: JobContext) -> dict[str, Any]:
        return await runs.run(order, job)
