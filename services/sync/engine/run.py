"""A run from its job to its end: takes it over, drives one attempt at it, and says what to do about what went wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from libs.common.clock import Clock
from libs.common.credentials import CredentialsUnreadable
from libs.common.errors import InvalidInput, JobCancelled, LeaseLost, NotNow, Permanent, Retryable
from libs.common.ids import IdFactory
from libs.common.integrations.model import Integration
from libs.common.jobs.integration_sync import IntegrationSync
from libs.common.logging import get_logger
from libs.common.stores.integrations import IntegrationStore
from libs.common.stores.sync_runs import RunStatus, SyncRun
from services.sync.engine.attempt import Attempt, EngineOptions, Stores
from services.sync.engine.page_writer import SuspiciousRows
from services.sync.engine.pipeline import portions
from services.sync.engine.progress import progress_of, result_of
from services.sync.engine.threads import in_thread
from services.sync.engine.transactions import end_session
from services.sync.metrics import RUNS
from services.sync.sources.contract import (
    AccessRefused,
    AuthRejected,
    CrmSource,
    NotThere,
    PositionLost,
    RateLimited,
    SourceUnavailable,
    WrongRequest,
)

log = get_logger(__name__)

_PROGRESS_S: Final = 0.5
"""How often progress is said at most."""

_AFTER_PROGRESS: Final = timedelta(seconds=30)
"""How long a run that has come further rests when its source fails; such a failure counts as no attempt."""

FOR_A_PERSON: Final = (AuthRejected, AccessRefused, NotThere, WrongRequest, InvalidInput, CredentialsUnreadable)
"""What only a person can mend."""


class RunningJob(Protocol):
    """What a run needs of its job; :class:`~libs.common.broker.actors.JobContext` has it."""

    @property
    def job_id(self) -> str:
        """The job's identity."""
        ...

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        ...

    @property
    def max_attempts(self) -> int:
        """How many attempts there may be."""
        ...

    def cancelled(self) -> bool:
        """Whether going on is in vain."""
        ...

    async def set_progress(self, values: Mapping[str, Any]) -> None:
        """Replaces the progress."""
        ...


def integration_of(integrations: IntegrationStore, integration_id: str, workspace_id: str) -> Integration:
    """A workspace's integration.

    Raises:
        Permanent: the workspace has no such integration.
        StoreUnavailable: MongoDB is away.
    """
    integration = integrations.get(integration_id)
    if integration is None or integration.workspace_id != workspace_id:
        raise Permanent(f"workspace {workspace_id} has no integration {integration_id}")
    return integration


class OpenSource(Protocol):
    """Makes the source of an integration."""

    def open(self, integration: Integration, *, owner: str) -> CrmSource:
        """The source, for one attempt.

        Raises:
            InvalidInput: the integration's field map or settings cannot be used.
        """
        ...


class _Progress:
    """Says how far an attempt has come, now and then."""

    def __init__(self, attempt: Attempt, job: RunningJob) -> None:
        self._attempt = attempt
        self._job = job
        self._begun = time.monotonic()
        self._said = self._begun - _PROGRESS_S
        self._fetched_before = attempt.run.counts.fetched

    @property
    def seconds(self) -> float:
        """For how long the attempt has been at work."""
        return time.monotonic() - self._begun

    async def say(self, *, even_if_soon: bool) -> None:
        now = time.monotonic()
        if even_if_soon or now - self._said >= _PROGRESS_S:
            self._said = now
            counts, total = self._attempt.run.counts, self._attempt.total
            progress = progress_of(counts, total=total, fetched_before=self._fetched_before, seconds=now - self._begun)
            await self._job.set_progress(progress)


class SyncEngine:
    """Runs syncs, many at once.

    Args:
        stores: where to read and write.
        sources: opens CRMs.
        options: how to work.
        clock: tells the time.
        threads: where blocking steps run; two at once for each run.
        new_owner: names an attempt.
    """

    def __init__(
        self,
        stores: Stores,
        sources: OpenSource,
        *,
        options: EngineOptions,
        clock: Clock,
        threads: Executor,
        new_owner: IdFactory,
    ) -> None:
        self._stores = stores
        self._sources = sources
        self._options = options
        self._clock = clock
        self._threads = threads
        self._new_owner = new_owner

    async def run(self, payload: IntegrationSync, job: RunningJob) -> dict[str, Any]:
        """Does one attempt at a job's run; answers the run's result.

        Raises:
            NotNow: a limit binds, or it is another run's turn; it goes on at its checkpoint.
            Retryable: the source fails before the run came any further.
            Permanent: a person has to do something, which the integration or the run then says.
            JobCancelled: the job was cancelled.
            LeaseLost: another attempt has taken the run over.
            StoreUnavailable: MongoDB is away.
        """
        integration = await in_thread(self._threads, lambda: self._integration(payload))
        run = await in_thread(self._threads, lambda: self._take_over(integration, payload, job.job_id))
        if run.status is RunStatus.COMPLETED:
            return result_of(run)
        log.info("run.started", run_id=str(run.id), mode=str(run.mode), pages=run.checkpoint.pages)
        came_to = run
        try:
            async with self._source(integration, run) as source:
                attempt = Attempt(self._stores, integration, run, source, options=self._options, clock=self._clock)
                try:
                    await self._drive(attempt, job)
                    return result_of(attempt.run, status=RunStatus.COMPLETED)
                finally:
                    came_to = attempt.run
                    await in_thread(self._threads, attempt.close)
        except asyncio.CancelledError:
            if job.cancelled():
                await in_thread(self._threads, lambda: self._end(run, RunStatus.CANCELLED, "cancelled"))
            raise
        except JobCancelled:
            await in_thread(self._threads, lambda: self._end(run, RunStatus.CANCELLED, "cancelled"))
            raise
        except (SuspiciousRows, PositionLost, RateLimited, SourceUnavailable, *FOR_A_PERSON) as error:
            came_further = came_to.checkpoint.pages > run.checkpoint.pages
            is_last = job.attempt >= job.max_attempts
            outcome = await in_thread(
                self._threads, partial(self._outcome, error, run, came_further=came_further, is_last=is_last)
            )
            raise outcome from error

    async def _drive(self, attempt: Attempt, job: RunningJob) -> None:
        position = await in_thread(self._threads, attempt.prepare)
        if position is not None:
            said = _Progress(attempt, job)
            for_writing = portions(
                lambda at: in_thread(self._threads, partial(attempt.fetch, at)),
                position,
                rows_ahead=self._options.rows_ahead,
                rows_per_write=self._options.rows_per_write,
                longest_wait=self._options.longest_wait,
            )
            async with aclosing(for_writing):
                async for portion in for_writing:
                    await in_thread(self._threads, partial(attempt.write, portion.rows))
                    is_last = portion.rows.behind is None
                    await said.say(even_if_soon=is_last)
                    if not is_last:
                        self._may_go_on(job, worked_s=said.seconds, wait=portion.wait)
        await in_thread(self._threads, attempt.mark_removed)
        await in_thread(self._threads, attempt.complete)
        RUNS.labels(RunStatus.COMPLETED.value).inc()
        log.info("run.completed", run_id=str(attempt.run.id), fetched=attempt.run.counts.fetched)

    def _may_go_on(self, job: RunningJob, *, worked_s: float, wait: timedelta) -> None:
        """Raises where the run has to stop at this checkpoint."""
        if job.cancelled():
            raise JobCancelled
        if wait > self._options.longest_wait:
            raise NotNow(self._clock.now() + wait, "the CRM is preparing the rows")
        if worked_s > self._options.shift.total_seconds():
            raise NotNow(self._clock.now(), "its shift is over; it goes on at its checkpoint", came_further=True)

    def _integration(self, payload: IntegrationSync) -> Integration:
        integration = integration_of(self._stores.integrations, payload.integration_id, payload.workspace_id)
        now = self._clock.now()
        if integration.not_before and integration.not_before > now:
            raise NotNow(integration.not_before, "the CRM's rate limit")
        return integration

    def _take_over(self, integration: Integration, payload: IntegrationSync, job_id: str) -> SyncRun:
        earlier = self._stores.runs.of_job(job_id)
        if earlier and earlier.session:
            # One that was killed at the very end of its transaction has locked the run itself, too.
            end_session(self._stores.database, earlier.session)
        now = self._clock.now()
        run = self._stores.runs.take_over(
            job_id=job_id,
            owner=self._new_owner(),
            integration_id=integration.id,
            workspace_id=integration.workspace_id,
            mode=payload.mode,
            at=now,
        )
        changed_at = integration.reads_anew_at
        if run.status is not RunStatus.RUNNING or changed_at is None or changed_at <= run.started_at:
            return run
        # Its position is one among other rows.
        restarted = self._stores.runs.restart(run, at=now)
        if restarted is None:
            raise LeaseLost
        return restarted

    @asynccontextmanager
    async def _source(self, integration: Integration, run: SyncRun) -> AsyncIterator[CrmSource]:
        # The first use imports the CRM's client, which takes a moment.
        source = await in_thread(self._threads, lambda: self._sources.open(integration, owner=run.owner))
        try:
            yield source
        finally:
            source.stop()
            source.close()

    def _outcome(self, error: Exception, run: SyncRun, *, came_further: bool, is_last: bool) -> Exception:
        """What the queue is told about an error, after the stores were."""
        now = self._clock.now()
        if isinstance(error, RateLimited):
            return NotNow(error.until, error.limit, came_further=came_further)
        if isinstance(error, SuspiciousRows):
            self._end(run, RunStatus.SUSPICIOUS, str(error))
            return Permanent(str(error))
        if isinstance(error, FOR_A_PERSON):
            self._stores.integrations.set_needs_attention(run.integration_id, str(error), at=now)
            self._end(run, RunStatus.FAILED, str(error))
            return Permanent(str(error))
        if isinstance(error, PositionLost):
            self._stores.runs.restart(run, at=now)
        elif came_further:
            return NotNow(now + _AFTER_PROGRESS, str(error), came_further=True)
        if is_last:
            self._end(run, RunStatus.FAILED, str(error))
        after = error.after if isinstance(error, SourceUnavailable) else None
        return Retryable(str(error), after=after)

    def _end(self, run: SyncRun, status: RunStatus, why: str) -> None:
        if self._stores.runs.finish(run, status, error=why, at=self._clock.now()):
            RUNS.labels(status.value).inc()
        log.info("run.ended", run_id=str(run.id), status=str(status), reason=why)
