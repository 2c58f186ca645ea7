"""A queue on the session's Redis, and short words for what workers do with it."""

from typing import Any

import pytest
import redis

from libs.common.broker.held_job import Fetched, HeldJob
from libs.common.broker.model import JobOptions, NewJob
from libs.common.broker.queue import JobQueue

HOUR_MS = 3_600_000


class Bench:
    """A queue, and a worker that does one thing at a time."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self.queue = JobQueue(client, "bench")
        self._made = 0

    def new(self, *, priority: int = 0, delay_ms: int = 0, **fields: Any) -> NewJob:
        """A job that is not added yet."""
        self._made += 1
        options = JobOptions(priority=priority, delay_ms=delay_ms)
        given: dict[str, Any] = {
            "job_id": f"job-{self._made}",
            "job_type": "work",
            "data": {},
            "options": options,
        } | fields
        return NewJob(**given)

    def add(self, **fields: Any) -> str:
        """Adds a job; answers its id."""
        return self.queue.add([self.new(**fields)])[0].job_id

    def fetch(
        self, count: int = 1, *, worker: str = "worker", lease_ms: int = HOUR_MS, holds: int = 0
    ) -> list[HeldJob]:
        """Takes jobs."""
        return Fetched("bench", self.run("fetch", count, worker, lease_ms, holds)).jobs

    def take(self, job_id: str | None = None) -> HeldJob:
        """Takes one job, which must be there."""
        (job,) = self.fetch(1)
        assert job_id in (None, job.job_id)
        return job

    def run(self, name: str, *arguments: bytes | str | int) -> Any:
        """Runs a script."""
        return self.queue.scripts.run(name, *arguments)

    def fall_silent(self, job: HeldJob) -> None:
        """The job's lease ends, and somebody notices."""
        self.client.zadd(self.queue.keys["active"].decode(), {job.job_id: 1}, xx=True)
        self.run("fetch", 0, "another", HOUR_MS, 1)

    def state(self, job_id: str) -> str | None:
        """The job's state, or ``None`` where the queue does not know it."""
        view = self.queue.get(job_id)
        return view.state.value if view else None


@pytest.fixture
def bench(redis_client: "redis.Redis") -> Bench:
    return Bench(redis_client)
