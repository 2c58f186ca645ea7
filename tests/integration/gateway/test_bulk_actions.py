"""Bulk actions on real stores, carried out by the gateway's own worker."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis

from libs.common.broker.held_job import Fetched
from libs.common.broker.queue import JobQueue
from libs.common.settings import Settings
from libs.common.worker.worker import Worker
from services.gateway.worker_bootstrap import build_worker
from tests.integration.gateway.conftest import ADMIN, SERVICE, Served, settings_for
from tests.integration.gateway.test_decisions import bury_all, submit
from tests.waiting import wait_until

QUEUE = "integration-sync"


@pytest.fixture
def settings(redis_url: str, mongo_uri: str) -> Settings:
    return settings_for(redis_url, mongo_uri)


@pytest.fixture
def worker(served: Served, settings: Settings) -> Iterator[Worker]:
    process = build_worker(settings, "operations")
    worker = Worker(process.broker, queues=process.queues, concurrency=4, threads=2)
    worker.start()
    yield worker
    worker.stop(grace=timedelta(seconds=1))
    process.on_stop()


def act(served: Served, **body: Any) -> dict[str, Any]:
    answer = served.client.post("/api/bullmq/jobs/actions", json=body, headers=ADMIN)
    assert answer.status_code in (200, 202), answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def job(served: Served, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(served.client.get(f"/api/bullmq/jobs/{job_id}", headers=SERVICE).text)
    return found


def wait_for(served: Served, job_id: str, state: str) -> dict[str, Any]:
    wait_until(lambda: job(served, job_id)["state"] == state, deadline_s=10, message=f"it is not {state}")
    return job(served, job_id)


def bury(served: Served, client: "redis.Redis", count: int) -> list[str]:
    ids = [submit(served, number) for number in range(count)]
    bury_all(served, client)
    return ids


def test_what_a_dry_run_counts_is_retried_by_the_worker(
    served: Served, redis_client: "redis.Redis", worker: Worker
) -> None:
    ids = bury(served, redis_client, 120)
    which = {"error": "BOOM", "jobType": QUEUE}

    found = act(served, action="retry", filter=which, dryRun=True)["found"]
    assert (found["count"], found["exact"]) == (120, True)

    done = wait_for(served, act(served, action="retry", filter=which)["jobId"], "completed")

    assert done["result"] == {"done": 120, "refused": 0}
    assert (done["progress"]["expected"], done["progress"]["done"]) == (120, 120)
    assert JobQueue(redis_client, QUEUE).stats().counts["waiting"] == 120
    assert served.database["jobs"].count_documents({"_id": {"$in": ids}, "open": True}) == 120


def test_it_goes_on_from_its_progress_when_its_worker_was_lost(
    served: Served, redis_client: "redis.Redis", settings: Settings
) -> None:
    bury(served, redis_client, 3)
    receipt = act(served, action="retry", filter={"queues": [QUEUE]})
    operations = JobQueue(redis_client, "operations")
    (taken,) = Fetched("operations", operations.scripts.run("fetch", 1, "dead", 1, 0)).jobs
    told = b'{"done":7,"refused":1,"place":{"queue":"integration-sync","state":"failed","cursor":""}}'
    assert operations.scripts.run("set_progress", taken.job_id, taken.fence, told)

    process = build_worker(settings, "operations")
    second = Worker(process.broker, queues=process.queues, concurrency=1, threads=1)
    second.start()
    try:
        done = wait_for(served, receipt["jobId"], "completed")
    finally:
        second.stop(grace=timedelta(seconds=1))

    assert done["result"] == {"done": 10, "refused": 1}


def test_an_action_that_waits_can_be_called_off(served: Served, redis_client: "redis.Redis") -> None:
    bury(served, redis_client, 2)
    job_id = act(served, action="remove", filter={"queues": [QUEUE]})["jobId"]

    answer = served.client.delete(f"/api/bullmq/jobs/{job_id}", headers=ADMIN)

    assert json.loads(answer.text)["status"] == "cancelled"
    assert JobQueue(redis_client, QUEUE).stats().counts["failed"] == 2


def test_cancelling_a_filter_empties_the_line_and_closes_the_ledger(
    served: Served, redis_client: "redis.Redis", worker: Worker
) -> None:
    ids = [submit(served, number) for number in range(5)]

    done = wait_for(served, act(served, action="cancel", filter={"workspaceId": "w1"})["jobId"], "completed")

    assert done["result"]["done"] == 5
    assert served.database["jobs"].count_documents({"_id": {"$in": ids}, "status": "cancelled"}) == 5
