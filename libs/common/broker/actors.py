"""Actors: functions that run jobs, given their typed payload and a context.

The smallest use, in a service's ``actors.py``::

    @job_actor(BULK_AVAILABILITY, broker=broker)
    async def check(payload: BulkAvailability, job: JobContext) -> dict[str, int]:
        ...

An actor may be ``async def`` (for work that waits on many things at once) or a plain function (run in a thread).
What it returns is the job's result; what it raises decides what happens next (:mod:`libs.common.errors`).
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import dramatiq
import msgspec
from dramatiq.middleware import CurrentMessage

from libs.common.broker.held_job import HeldJob
from libs.common.broker.model import Added, Children, NewJob
from libs.common.broker.outcome import WaitForChildren
from libs.common.broker.queue import JobQueue
from libs.common.errors import LeaseLost, Permanent
from libs.common.jobs.contract import JobContract, Payload

__all__ = ["JobActor", "JobBroker", "JobContext", "WaitForChildren", "job_actor"]

P = TypeVar("P", bound=Payload)


class PayloadSource(Protocol):
    """Where payloads are that are too large for a queue: the ledger."""

    def data_of(self, job_id: str) -> Mapping[str, Any] | None:
        """The payload of an accepted job as it goes over the wire, or ``None`` where the ledger has no such job."""
        ...


class JobBroker(dramatiq.Broker):
    """What actors need of their broker.

    Attributes:
        job_actors: the actors declared with a contract, by job type.
        payload_source: where payloads are that are too large for a queue.
    """

    job_actors: dict[str, "JobActor"]
    payload_source: PayloadSource | None

    def queue(self, name: str) -> JobQueue:
        """One of the installation's queues."""
        raise NotImplementedError


class JobContext:
    """What a running job knows of itself and can say.

    Args:
        held: the job as the worker holds it.
        queue: its queue.
    """

    def __init__(self, held: HeldJob, queue: JobQueue) -> None:
        self._held = held
        self._queue = queue

    @property
    def job_id(self) -> str:
        """The job's identity."""
        return self._held.job_id

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self._queue.name

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._held.attempt

    @property
    def max_attempts(self) -> int:
        """How many attempts there may be."""
        return int(self._held.options.get("max_attempts", 1))

    @property
    def workspace_id(self) -> str:
        """Whose job it is; empty where it belongs to none."""
        return self._held.header.group

    @property
    def parent_id(self) -> str | None:
        """The job that waits for this one."""
        return self._held.header.parent_id

    @property
    def children(self) -> Children | None:
        """How this job's children ended, once all of them have; ``None`` before."""
        return self._held.children

    def cancelled(self) -> bool:
        """Whether a person has asked this job to stop, or its lease is lost, so that going on is in vain."""
        return self._held.cancel_requested or self._held.lease_lost

    def count(self, increments: Mapping[str, int], *, on_parent: bool = False) -> None:
        """Adds to the progress, in the same atomic step as this job's completion, so never twice.

        Args:
            increments: what to add to each number.
            on_parent: whether to the parent's progress instead of this job's own.
        """
        self._held.count(increments, on_parent=on_parent)

    async def set_progress(self, values: Mapping[str, Any]) -> None:
        """Replaces the progress.

        Raises:
            LeaseLost: another worker has the job by now.
            StoreUnavailable: Redis is away.
        """
        held, encoded = self._held, msgspec.json.encode(values)
        if not await asyncio.to_thread(self._queue.scripts.run, "set_progress", held.job_id, held.fence, encoded):
            raise LeaseLost

    async def log(self, line: str) -> None:
        """Writes a line to the job's own log, which people see beside it; the last 16 KiB are kept.

        Raises:
            LeaseLost: another worker has the job by now.
            StoreUnavailable: Redis is away.
        """
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line[:1000]}".replace("\n", " ")
        if not await asyncio.to_thread(self._queue.scripts.run, "log", self.job_id, self._held.fence, text):
            raise LeaseLost

    async def add_children(self, jobs: Sequence[NewJob]) -> list[Added]:
        """Adds jobs to this queue for whose end this one will wait; a child that is there already is not added again.

        Raises:
            LeaseLost: another worker has the job by now.
            StoreUnavailable: Redis is away.
        """
        children = [msgspec.structs.replace(job, parent_id=self.job_id) for job in jobs]
        return await asyncio.to_thread(self._queue.add, children, parent_fence=self._held.fence.decode())


@dataclass(frozen=True, slots=True)
class JobActor:
    """An actor with its contract.

    Args:
        contract: the job type it runs.
        function: the function, asynchronous or plain.
        broker: where its queue and large payloads are.
    """

    contract: JobContract[Any]
    function: Callable[[Any, JobContext], Any]
    broker: JobBroker

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    async def run_async(self, held: HeldJob) -> Any:
        """Runs an asynchronous actor.

        Raises:
            Exception: whatever the actor raises.
        """
        data = await asyncio.to_thread(self._data, held) if held.options.get("data_in_ledger") else held.kwargs
        return await self.function(self.contract.read(data), self._context(held))

    def run(self, held: HeldJob) -> Any:
        """Runs a plain actor.

        Raises:
            Exception: whatever the actor raises.
        """
        return self.function(self.contract.read(self._data(held)), self._context(held))

    def _context(self, held: HeldJob) -> JobContext:
        return JobContext(held, self.broker.queue(held.queue_name))

    def _data(self, held: HeldJob) -> Mapping[str, Any]:
        if not held.options.get("data_in_ledger"):
            return held.kwargs
        source = self.broker.payload_source
        data = source.data_of(held.job_id) if source else None
        if data is None:
            raise Permanent("the ledger has no payload for this job")
        return data


def job_actor(contract: JobContract[P], *, broker: JobBroker) -> Callable[[Callable[[P, JobContext], Any]], JobActor]:
    """Declares the actor of a job type on a broker.

    Args:
        contract: the job type; its name, queue and limits become the actor's.
        broker: a :class:`~libs.common.broker.broker.TucoBroker`.
    """

    def declare(function: Callable[[P, JobContext], Any]) -> JobActor:
        actor = JobActor(contract, function, broker)
        dramatiq.Actor(
            _for_dramatiq(actor),
            broker=broker,
            actor_name=contract.job_type,
            queue_name=contract.queue,
            priority=0,
            options={"time_limit": int(contract.time_limit.total_seconds() * 1000)},
        )
        broker.job_actors[contract.job_type] = actor
        return actor

    return declare


def _for_dramatiq(actor: JobActor) -> Callable[..., Any]:
    """The function that Dramatiq's own worker calls: it finds the job through the current message."""

    def held_job() -> HeldJob:
        current: object = CurrentMessage.get_current_message()
        if not isinstance(current, HeldJob):
            raise Permanent("this actor runs jobs that came from the queue")
        return current

    def run(**_data: Any) -> Any:
        return actor.run(held_job())

    async def run_async(**_data: Any) -> Any:
        return await actor.run_async(held_job())

    chosen: Callable[..., Any | Awaitable[Any]] = run_async if actor.is_async else run
    return chosen
