"""The commands that look at queues and mend them, against a gateway process."""

import json
import os
import subprocess
import sys
from typing import Any

import redis

from libs.common.broker.held_job import Fetched
from libs.common.broker.queue import JobQueue
from tests.end_to_end.gateway.conftest import ADMIN_TOKEN, SERVICE_TOKEN, RunningGateway

QUEUE = "integration-sync"


def tuco(gateway: RunningGateway, *words: str) -> tuple[int, str, str]:
    environment = {
        "PATH": os.environ["PATH"],
        "BULLMQ_SERVER_URL": gateway.url,
        "SERVICE_TOKEN": SERVICE_TOKEN,
        "ADMIN_TOKEN": ADMIN_TOKEN,
    }
    done = subprocess.run(
        [sys.executable, "-m", "libs.cli", *words], env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def as_json(gateway: RunningGateway, *words: str) -> dict[str, Any]:
    status, out, err = tuco(gateway, *words, "--json")
    assert status == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


def enqueue(gateway: RunningGateway, number: int, **options: int) -> str:
    body = {"jobType": QUEUE, "data": {"integrationId": f"{number:024x}", "workspaceId": "w1"}, "options": options}
    job_id: str = gateway.client.post("/api/bullmq/jobs", json=body).json()["jobId"]
    return job_id


def bury_all(client: "redis.Redis") -> None:
    """As a worker does it that fails for good."""
    run = JobQueue(client, QUEUE).scripts.run
    for job in Fetched(QUEUE, run("fetch", 10, "w", 60_000, 0)).jobs:
        line = b'{"n":1,"o":"failed","e":"boom","w":"w","s":1,"d":1}'
        run("dead_letter", job.job_id, job.fence, line, "boom")


def test_a_person_finds_what_is_wrong_and_mends_it(gateway: RunningGateway, redis_client: "redis.Redis") -> None:
    later = enqueue(gateway, 1, delayMs=3_600_000)
    ids = [enqueue(gateway, number) for number in (2, 3)]

    assert [job["jobId"] for job in as_json(gateway, "jobs", QUEUE)["jobs"]] == ids
    assert as_json(gateway, "promote", later)["jobs"][0]["status"] == "promoted"
    assert as_json(gateway, "cancel", later)["jobs"][0]["status"] == "cancelled"

    bury_all(redis_client)
    status, out, _ = tuco(gateway, "dead", QUEUE, "--error", "BOOM")
    assert status == 0
    assert all(job_id in out and "boom" in out for job_id in ids)

    assert as_json(gateway, "retry", ids[0])["jobs"][0]["status"] == "retried"
    assert as_json(gateway, "dead", QUEUE, "--retry")["done"] == 1
    bury_all(redis_client)
    assert as_json(gateway, "dead", QUEUE, "--remove") == {"queue": QUEUE, "done": 2, "refused": 0}
    assert as_json(gateway, "dead", QUEUE)["jobs"] == []

    assert as_json(gateway, "pause", QUEUE) == {"queue": QUEUE, "paused": True}
    assert as_json(gateway, "unpause", QUEUE) == {"queue": QUEUE, "paused": False}


def test_what_cannot_be_done_is_said_and_ends_with_a_status(gateway: RunningGateway) -> None:
    job_id = enqueue(gateway, 1)

    status, _, err = tuco(gateway, "retry", job_id)
    assert status == 2
    assert "only a dead letter" in err

    status, _, err = tuco(gateway, "cancel", job_id, "nobody")
    assert status == 1
    assert "nobody" in err
    assert tuco(gateway, "jobs", "nothing")[0] == 2
