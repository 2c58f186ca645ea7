"""A rolling update as Kubernetes does it, process by process: no job is lost, run twice, or costs an attempt."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
import redis

from libs.cli.supervisor import SupervisedProcess, Supervisor, python_module
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.ids import new_job_id
from libs.embedded import ports
from tests.end_to_end.worker.app import EFFECTS, WORK, WORK_ASYNC, Task
from tests.waiting import wait_until

SHUTDOWN_TIMEOUT_MS = 6_000


@dataclass(frozen=True, slots=True)
class Deployment:
    """Some copies of a worker, replaced one by one: a new one first, then an old one is told to end."""

    supervisor: Supervisor
    redis_url: str
    copies: list[SupervisedProcess] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def scale(self, number: int) -> None:
        while len(self.copies) < number:
            self.copies.append(self._start())

    def roll(self) -> None:
        for old in list(self.copies):
            new = self._start()
            old.ask_to_stop()
            self.copies.remove(old)
            self.copies.append(new)

    def _start(self) -> SupervisedProcess:
        port = ports.choose()
        environ = {
            **os.environ,
            "REDIS_URL": self.redis_url,
            "EFFECTS_URL": self.redis_url,
            "LOG_LEVEL": "warning",
            "WORKER_CONCURRENCY": "4",
            "WORKER_THREADS": "4",
            "INTERNAL_PORT": str(port),
            "SHUTDOWN_TIMEOUT_MS": str(SHUTDOWN_TIMEOUT_MS),
        }
        name = f"worker-{next(self.numbers)}"
        spec = python_module(name, "tests.end_to_end.worker.app", environ=environ)
        process = self.supervisor.start(spec, restart=False)
        wait_until(lambda: _is_ready(port), deadline_s=20, message=f"{name} is ready")
        return process


@pytest.fixture
def deployment(redis_url: str) -> Iterator[Deployment]:
    with Supervisor(on_line=lambda _name, _line: None) as supervisor:
        yield Deployment(supervisor, redis_url)


@pytest.mark.alone
def test_rolling_every_worker_under_load_costs_no_attempt(deployment: Deployment, redis_url: str) -> None:
    queue = JobQueue(redis.Redis.from_url(redis_url), "tasks")
    deployment.scale(2)
    # Short jobs and such that last longer than it takes to start a successor, all within the grace.
    kinds = [(contract, seconds) for contract in (WORK, WORK_ASYNC) for seconds in (0.02, 0.1, 1.2)] * 8
    jobs = [job_from(contract, Task(seconds=seconds), job_id=new_job_id()) for contract, seconds in kinds]
    ids = [added.job_id for added in queue.add(jobs)]
    wait_until(lambda: queue.stats().counts["active"] >= 4, deadline_s=10, message="the workers are at work")
    deployment.roll()
    wait_until(lambda: queue.stats().counts["completed"] == len(ids), deadline_s=60, message="every job has completed")
    assert _counted(queue, "started") == dict.fromkeys(ids, 1)
    assert _counted(queue, EFFECTS) == dict.fromkeys(ids, 1)
    totals = queue.stats().totals
    # A job that was fetched but not begun may be handed back; that is no attempt.
    assert (totals["retried"], totals["stalled"], totals["failed"]) == (0, 0, 0)
    assert [view.attempts for view in map(queue.get, ids) if view] == [()] * len(ids)


def _counted(queue: JobQueue, name: str) -> dict[str, int]:
    return {_text(job_id): int(number) for job_id, number in queue.scripts.redis.hgetall(name).items()}


def _text(answer: bytes | str) -> str:
    return answer.decode() if isinstance(answer, bytes) else answer


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status) == 200
    except (urllib.error.HTTPError, OSError):
        return False
