"""Runs coroutine functions as tasks on one event loop."""

import asyncio
from collections.abc import Sequence
from typing import Any

from dramatiq.middleware import SkipMessage

from libs.common.broker.actors import JobBroker
from libs.common.broker.held_job import HeldJob
from libs.common.worker.executor import Done
from libs.common.worker.plan import Plans

_NEVER_S = 3600.0


class LoopExecutor:
    """Runs coroutine functions.

    Args:
        broker: knows the middleware around each run.
        plans: how to run which actor.
        loop: a running event loop of another thread.
        concurrency: jobs at once.
        done: told of each finished job.
    """

    def __init__(
        self, broker: JobBroker, plans: Plans, loop: asyncio.AbstractEventLoop, *, concurrency: int, done: Done
    ) -> None:
        self._broker = broker
        self._plans = plans
        self._loop = loop
        self._concurrency = concurrency
        self._done = done
        self._given = 0
        self._finished = 0
        self._tasks: dict[bytes, asyncio.Task[None]] = {}

    def room(self) -> int:
        """How many more jobs it may be given now."""
        return self._concurrency - (self._given - self._finished)

    def start(self, jobs: Sequence[HeldJob]) -> None:
        """Runs these jobs at once."""
        self._given += len(jobs)
        self._loop.call_soon_threadsafe(self._spawn, jobs)

    def stop_job(self, job: HeldJob) -> None:
        """Cancels the job's task."""
        self._loop.call_soon_threadsafe(self._cancel, job)

    def unstarted(self, *, waited_s: float) -> list[HeldJob]:  # noqa: ARG002 - every job given to a loop has begun
        """None: a job given to a loop has begun."""
        return []

    def look_after(self) -> float:
        """Nothing to do: each task has its own timer."""
        return _NEVER_S

    def close(self) -> None:
        """Nothing to do: the loop belongs to the worker."""

    def _spawn(self, jobs: Sequence[HeldJob]) -> None:
        for job in jobs:
            self._tasks[job.fence] = self._loop.create_task(self._run(job), name=job.job_id)

    def _cancel(self, job: HeldJob) -> None:
        if task := self._tasks.get(job.fence):
            # After its first step: a task that is cancelled before takes none, and nobody would learn of its end.
            self._loop.call_soon(task.cancel)

    async def _run(self, job: HeldJob) -> None:
        broker = self._broker
        try:
            broker.emit_before("process_message", job)
            result = await self._call(job)
            broker.emit_after("process_message", job, result=result)
        except SkipMessage:
            broker.emit_after("skip_message", job)
        except asyncio.CancelledError as error:
            broker.emit_after("process_message", job, exception=job.reason_to_stop() or error)
        except Exception as error:  # noqa: BLE001 - whatever an actor raises decides its job's outcome
            broker.emit_after("process_message", job, exception=job.reason_to_stop() or error)
        finally:
            self._tasks.pop(job.fence, None)
            self._finished += 1
            self._done(job)

    async def _call(self, job: HeldJob) -> Any:
        plan = self._plans[job.actor_name]
        limit_s = plan.time_limit_of(job)
        try:
            async with asyncio.timeout(limit_s) as scope:
                return await plan.call(job)
        except TimeoutError as error:
            if scope.expired():
                raise TimeoutError(f"the run exceeded its time limit of {limit_s:g} s") from error
            raise
