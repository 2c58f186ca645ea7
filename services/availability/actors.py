"""What the service listens to: bulk availability runs and their chunks."""

from typing import Any

from bson import ObjectId

from libs.common.broker.actors import JobBroker, JobContext, WaitForChildren, job_actor
from libs.common.broker.model import NewJob
from libs.common.clock import Clock
from libs.common.errors import NotNow, Retryable
from libs.common.jobs.bulk_availability import (
    AVAILABILITY_CHUNK,
    BULK_AVAILABILITY,
    AvailabilityChunk,
    BulkAvailability,
)
from libs.common.logging import get_logger
from services.availability.checking import Checker
from services.availability.outcomes import LINES_BUSY, all_counts, counts_of
from services.availability.planning import Plan, Planner
from services.availability.request import Request
from services.availability.summary import Summarizer

log = get_logger(__name__)

_JOBS_AT_ONCE = 250


class Runs:
    """The two halves of a run: the parent, which splits and sums up, and the chunk, which checks.

    Args:
        planner: splits runs.
        checker: checks chunks.
        summarizer: sums up.
        clock: tells when to come back.
    """

    def __init__(self, planner: Planner, checker: Checker, summarizer: Summarizer, clock: Clock) -> None:
        self._planner = planner
        self._checker = checker
        self._summarizer = summarizer
        self._clock = clock

    async def check_run(self, payload: BulkAvailability, job: JobContext) -> dict[str, Any]:
        """Splits the run into chunks and waits for them; sums up once they have ended."""
        if job.children is None:
            plan = await self._planner.plan(payload.workspace_id, payload.lead_ids, run_id=job.job_id)
            if plan.chunks:
                await _start(plan, job)
                raise WaitForChildren
        failed_chunks = job.children.failed if job.children else 0
        result = await self._summarizer.summarize(
            payload.workspace_id, payload.lead_ids, run_id=job.job_id, failed_chunks=failed_chunks
        )
        await job.set_progress({name: result[name] for name in ("total", *all_counts({}), "notFound")})
        log.info("run.completed", **result)
        return result

    async def check_chunk(self, payload: AvailabilityChunk, job: JobContext) -> None:
        """Checks the chunk's leads; what cannot be answered now is left for later."""
        report = await self._checker.check(
            Request(
                workspace_id=payload.workspace_id,
                lead_ids=[ObjectId(lead_id) for lead_id in payload.lead_ids],
                run_id=payload.run_id,
                last_chance=job.attempt >= job.max_attempts,
            )
        )
        if report.back_in is not None:
            raise NotNow(self._clock.now() + report.back_in, LINES_BUSY)
        if report.open_faults:
            faults = ", ".join(f"{reason} ({handles})" for reason, handles in sorted(report.open_faults.items()))
            raise Retryable(f"no line could answer about some handles: {faults}", after=report.retry_in)
        # All of the chunk's leads, those too that an earlier attempt answered: only its completion counts them.
        job.count(counts_of(report.answers), on_parent=True)


async def _start(plan: Plan, job: JobContext) -> None:
    total = len(plan.lead_ids)
    await job.set_progress({"total": total, **all_counts(plan.counts), "notFound": total - plan.found})
    log.info("run.split", leads=plan.found, chunks=len(plan.chunks), not_found=total - plan.found)
    jobs: list[NewJob] = []
    for chunk in plan.jobs():
        jobs.append(chunk)
        if len(jobs) == _JOBS_AT_ONCE:
            await job.add_children(jobs)
            jobs = []
    if jobs:
        await job.add_children(jobs)


def declare(runs: Runs, broker: JobBroker) -> None:
    """Makes the broker run these jobs here."""
    job_actor(BULK_AVAILABILITY, broker=broker)(runs.check_run)
    job_actor(AVAILABILITY_CHUNK, broker=broker)(runs.check_chunk)
