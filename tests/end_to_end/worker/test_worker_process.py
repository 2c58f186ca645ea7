"""Workers as processes: killed, stopped, frozen, and cut off from a Redis that dies."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import redis

from libs.cli.supervisor import SupervisedProcess, Supervisor, python_module
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.ids import new_job_id
from libs.common.jobs.contract import JobContract
from libs.embedded import RedisServer, ports
from tests.end_to_end.worker.app import EFFECTS, POISON, WORK, WORK_ASYNC, Task
from tests.waiting import wait_until

LEASE_MS = 2_000


class World:
    """A Redis of its own, a supervisor, and a second Redis that counts effects and outlives the first."""

    def __init__(self, effects_url: str, effects: "redis.Redis", supervisor: Supervisor) -> None:
        self.redis_server = RedisServer()
        self.redis_server.start()
        self.effects = effects
        self.effects_url = effects_url
        self.supervisor = supervisor
        self.queue = JobQueue(redis.Redis.from_url(self.redis_server.url, socket_timeout=2), "tasks")

    def worker(self, name: str, *, restart: bool = True, **environ: str) -> SupervisedProcess:
        given = {
            **os.environ,
            "REDIS_URL": self.redis_server.url,
            "EFFECTS_URL": self.effects_url,
            "LEASE_MS": str(LEASE_MS),
            "WORKER_THREADS": "4",
            "LOG_FORMAT": "json",
            **environ,
        }
        return self.supervisor.start(python_module(name, "tests.end_to_end.worker.app", environ=given), restart=restart)

    def add(self, contract: JobContract[Task], count: int, seconds: float) -> list[str]:
        jobs = [job_from(contract, Task(seconds=seconds), job_id=new_job_id()) for _ in range(count)]
        return [added.job_id for added in self.queue.add(jobs)]

    def completed(self) -> int:
        return self.queue.stats().counts["completed"]

    def wait_completed(self, count: int, deadline_s: float) -> None:
        wait_until(lambda: self.completed() == count, deadline_s=deadline_s, message=f"{count} jobs did not complete")

    def started(self) -> int:
        return len(self.effects.hkeys("started"))

    def runs(self) -> dict[str, int]:
        return {text(job_id): int(n) for job_id, n in self.effects.hgetall(EFFECTS).items()}


@pytest.fixture
def world(redis_url: str, redis_client: "redis.Redis") -> Iterator[World]:
    with Supervisor(on_line=lambda _name, _line: None) as supervisor:
        built = World(redis_url, redis_client, supervisor)
        yield built
        built.redis_server.stop()


@pytest.mark.parametrize("contract", [WORK, WORK_ASYNC], ids=["functions", "coroutines"])
def test_kill_9_loses_nothing_and_the_jobs_in_hand_run_again_within_a_lease(
    world: World, contract: JobContract[Task]
) -> None:
    victim = world.worker("victim", restart=False, WORKER_CONCURRENCY="4")
    ids = world.add(contract, 60, 0.1)
    wait_until(lambda: world.started() >= 8, deadline_s=15, message="no job started")
    victim.kill()
    in_hand = world.queue.stats().counts["active"]
    assert in_hand > 0
    killed_at = time.monotonic()
    world.worker("heir", WORKER_CONCURRENCY="4")
    wait_until(
        lambda: world.queue.stats().totals["stalled"] >= in_hand,
        deadline_s=LEASE_MS / 1000 + 3,
        message="the dead worker's jobs did not come back",
    )
    assert time.monotonic() - killed_at < LEASE_MS / 1000 + 3
    world.wait_completed(60, deadline_s=30)
    runs = world.runs()
    assert set(runs) == set(ids)
    assert sum(runs.values()) - len(ids) <= in_hand


def test_a_job_that_kills_its_process_is_a_dead_letter_and_the_rest_goes_on(world: World) -> None:
    world.worker("w")
    (poison,) = world.add(POISON, 1, 0)
    ids = world.add(WORK, 20, 0.01)
    wait_until(
        lambda: (view := world.queue.get(poison)) is not None and view.state == "failed",
        deadline_s=40,
        message="the poison job is still alive",
    )
    world.wait_completed(20, deadline_s=20)
    assert world.effects.hget("started", poison) == b"3"
    assert set(world.runs()) == set(ids)


def test_sigterm_finishes_running_jobs_hands_back_the_rest_and_exits_0(world: World) -> None:
    worker = world.worker("w", WORKER_THREADS="2", SHUTDOWN_TIMEOUT_MS="5000")
    ids = world.add(WORK, 10, 0.5)
    wait_until(lambda: world.started() >= 2, deadline_s=15, message="no job started")
    worker.stop()
    assert worker.status == 0
    counts = world.queue.stats().counts
    assert counts["active"] == 0
    assert counts["completed"] + counts["waiting"] == 10
    assert world.queue.stats().totals["stalled"] == 0
    world.worker("next")
    world.wait_completed(10, deadline_s=20)
    assert world.runs() == dict.fromkeys(ids, 1)


def test_redis_dying_and_coming_back_loses_no_job(world: World) -> None:
    world.worker("w")
    ids = world.add(WORK, 100, 0.05)
    wait_until(lambda: world.started() >= 10, deadline_s=15, message="no job started")
    # Everything accepted is on disk; the default of once a second would lose the last second of transitions.
    wait_until(lambda: _aof_is_written(world), deadline_s=5, message="the append-only file was not written")
    world.redis_server.kill()
    world.redis_server.start()
    world.wait_completed(100, deadline_s=40)
    assert set(world.runs()) == set(ids)


def test_a_frozen_worker_s_jobs_run_elsewhere_and_its_late_outcomes_are_refused(world: World) -> None:
    frozen = world.worker("frozen", WORKER_THREADS="2")
    world.add(WORK, 2, 1.0)
    wait_until(lambda: world.started() == 2, deadline_s=15, message="no job started")
    frozen.pause()
    world.worker("other")
    world.wait_completed(2, deadline_s=20)
    frozen.resume()
    later = world.add(WORK, 4, 0.01)
    world.wait_completed(6, deadline_s=20)
    assert set(later) <= set(world.runs())
    assert world.queue.stats().totals["completed"] == 6


def test_health_is_about_the_process_and_readiness_about_its_dependencies(world: World) -> None:
    port = ports.choose()
    world.worker("w", INTERNAL_PORT=str(port))
    wait_until(lambda: _get(port, "/readyz")[0] == 200, deadline_s=15, message="the worker is not ready")
    world.redis_server.kill()
    wait_until(lambda: _get(port, "/readyz")[0] == 503, deadline_s=15, message="readiness does not see Redis gone")
    assert _get(port, "/readyz")[1]["missing"] == ["redis"]
    assert _get(port, "/healthz")[0] == 200
    world.redis_server.start()
    wait_until(lambda: _get(port, "/readyz")[0] == 200, deadline_s=15, message="the worker is not ready again")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"tuco_jobs" in answer.read()


def _get(port: int, path: str) -> tuple[int, dict[str, list[str]]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, {}


def _aof_is_written(world: World) -> bool:
    info = world.queue.scripts.redis.info("persistence")
    return bool(isinstance(info, dict) and info["aof_pending_bio_fsync"] == 0 and info["aof_buffer_length"] == 0)


def text(answer: bytes | str) -> str:
    return answer.decode() if isinstance(answer, bytes) else answer
