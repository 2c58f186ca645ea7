"""The reconciler with the real queue and the real ledger."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import redis

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.clock import SystemClock
from libs.common.jobs.registry import queues as queue_names
from libs.common.jobs.states import JobState
from libs.common.ledger.model import NewEntry
from libs.common.ledger.mongo import MongoLedger
from libs.common.ledger.reconciler import Reconciler, Report
from libs.common.ledger.redis_epoch import RedisEpoch
from libs.common.settings import Secret, Settings
from tests.integration.ledger.factories import NOW, completed, sync_entry


@pytest.fixture
def queues(redis_url: str) -> Mapping[str, JobQueue]:
    client = connect_redis(Settings(redis_url=Secret(redis_url)))
    return {name: JobQueue(client, name) for name in queue_names()}


@pytest.fixture
def reconciler(ledger: MongoLedger, queues: Mapping[str, JobQueue], redis_url: str) -> Reconciler:
    epoch = RedisEpoch(connect_redis(Settings(redis_url=Secret(redis_url))))
    return Reconciler(ledger, queues, epoch, clock=SystemClock(), after=timedelta(seconds=10), page=100)


def test_every_open_job_is_back_after_flushall_and_no_ended_one(
    reconciler: Reconciler, ledger: MongoLedger, queues: Mapping[str, JobQueue], redis_client: "redis.Redis"
) -> None:
    ledger.accept_many([sync_entry(job_id=f"j{n:03}", unique_key=f"k{n}") for n in range(250)])
    ledger.finish_many([completed(f"j{n:03}") for n in range(50)])
    assert reconciler.run_once().enqueued == 200
    redis_client.flushall()

    assert reconciler.redis_may_have_lost_data()
    assert reconciler.run_once() == Report(complete=True, looked_at=200, enqueued=200)

    sync = queues["integration-sync"]
    assert sync.known([f"j{n:03}" for n in range(250)]) == {f"j{n:03}" for n in range(50, 250)}
    job = sync.get("j100")
    assert job is not None
    assert (job.state, job.group, job.data["mode"]) == (JobState.WAITING, "w1", "full")


def test_a_second_run_finds_nothing_to_do(reconciler: Reconciler, ledger: MongoLedger) -> None:
    ledger.accept_many([sync_entry() for _ in range(20)])
    reconciler.run_once()

    assert reconciler.run_once() == Report(complete=False, looked_at=20)


def test_a_large_payload_does_not_travel_through_redis(
    reconciler: Reconciler, ledger: MongoLedger, queues: Mapping[str, JobQueue], redis_client: "redis.Redis"
) -> None:
    ids = [f"{n:024x}" for n in range(50_000)]
    ledger.accept(_bulk("big", {"leadIds": ids, "userId": "u", "workspaceId": "w"}))

    reconciler.run_once()

    job = queues["bulk-availability"].get("big")
    assert job is not None
    assert (job.group, dict(job.data)) == ("w", {})
    assert int(redis_client.info("memory")["used_memory_dataset"]) < 2_000_000
    assert ledger.data_of("big") == {"leadIds": ids, "userId": "u", "workspaceId": "w"}


def test_a_dead_letter_is_told_to_the_ledger(
    reconciler: Reconciler, ledger: MongoLedger, queues: Mapping[str, JobQueue], redis_client: "redis.Redis"
) -> None:
    ledger.accept(sync_entry(job_id="j1"))
    reconciler.run_once()
    # The worker buried it and died before the ledger heard of it.
    keys = queues["integration-sync"].keys
    redis_client.zadd(keys["failed"], {"j1": 1_767_225_600_000})
    redis_client.hset(keys["reasons"], "j1", "stalled")

    assert reconciler.run_once().finished == 1

    entry = ledger.get("j1")
    assert entry is not None
    assert (entry.status, entry.error) == ("failed", "stalled")


def _bulk(job_id: str, data: dict[str, Any]) -> NewEntry:
    return NewEntry(
        job_id=job_id,
        job_type="bulk-availability-check",
        queue="bulk-availability",
        data=data,
        workspace_id=data["workspaceId"],
        created_at=NOW,
    )
