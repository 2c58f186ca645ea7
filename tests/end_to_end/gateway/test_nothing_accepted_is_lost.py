"""What was answered 202 comes into the queue, whatever is lost between."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.errors import StoreUnavailable
from libs.common.settings import Secret, Settings
from libs.embedded import MongoServer, RedisServer
from tests.end_to_end.gateway.conftest import RunningGateway, running_gateway
from tests.unit.gateway.bad_inputs import sync
from tests.waiting import wait_until

JOBS = "/api/bullmq/jobs"


def integration(number: int) -> dict[str, object]:
    return sync(integrationId=f"{number:024x}")


def accept(gateway: RunningGateway, numbers: range) -> set[str]:
    ids = set()
    for number in numbers:
        answer = gateway.client.post(JOBS, json=integration(number))
        assert answer.status_code == 202, answer.text
        ids.add(answer.json()["jobId"])
    return ids


def known_to(url: str, job_ids: set[str]) -> set[str]:
    queue = JobQueue(connect_redis(Settings(redis_url=Secret(url))), "integration-sync")
    return queue.known(sorted(job_ids))


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def test_flushall_loses_nothing_and_is_noticed_at_once(
    redis_url: str, mongo_uri: str, redis_client: "redis.Redis"
) -> None:
    # Neither the interval nor the age would bring the jobs back within this test.
    patient = {"RECONCILE_INTERVAL_MS": "600000", "RECONCILE_AFTER_MS": "600000"}
    with running_gateway(REDIS_URL=redis_url, MONGODB_URI=mongo_uri, **patient) as gateway:
        ids = accept(gateway, range(30))
        redis_client.flushall()

        wait_until(lambda: known_to(redis_url, ids) == ids, message="every job is back in Redis")


def test_what_is_accepted_while_redis_is_down_is_enqueued_when_it_is_back(
    own_redis: RedisServer, mongo_uri: str
) -> None:
    with running_gateway(REDIS_URL=own_redis.url, MONGODB_URI=mongo_uri) as gateway:
        before = accept(gateway, range(5))
        own_redis.kill()
        meanwhile = accept(gateway, range(5, 10))
        assert gateway.client.get("/api/bullmq/health").status_code == 503
        for job_id in meanwhile:
            assert gateway.client.get(f"{JOBS}/{job_id}").json()["state"] == "accepted"
        own_redis.start()

        ids = before | meanwhile
        wait_until(lambda: _without_error(own_redis.url, ids) == ids, deadline_s=20, message="all are in Redis")
        wait_until(lambda: gateway.client.get("/api/bullmq/health").status_code == 200, message="all is well")


def test_a_redis_that_comes_back_empty_is_filled_again(mongo_uri: str, tmp_path: Path) -> None:
    forgetful = {"appendonly": "no", "save": '""'}
    with (
        RedisServer(tmp_path / "redis", config=forgetful) as server,
        running_gateway(REDIS_URL=server.url, MONGODB_URI=mongo_uri) as gateway,
    ):
        ids = accept(gateway, range(10))
        server.kill()
        server.start()

        wait_until(lambda: _without_error(server.url, ids) == ids, deadline_s=20, message="all are back in Redis")


def test_without_mongodb_nothing_is_accepted_and_it_recovers(redis_url: str, tmp_path: Path) -> None:
    with (
        MongoServer(tmp_path / "mongo") as server,
        running_gateway(REDIS_URL=redis_url, MONGODB_URI=server.uri_for("tuco")) as gateway,
    ):
        accept(gateway, range(1))
        server.kill()

        answer = gateway.client.post(JOBS, json=integration(7))
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:tuco-jobs:problem:mongodb-unavailable"
        assert int(answer.headers["Retry-After"]) > 0

        server.start()
        wait_until(
            lambda: gateway.client.post(JOBS, json=integration(7)).status_code == 202,
            deadline_s=30,
            message="jobs are accepted again",
        )


def test_a_gateway_killed_in_the_middle_of_requests_loses_nothing_it_accepted(redis_url: str, mongo_uri: str) -> None:
    accepted: set[str] = set()
    environment = {"REDIS_URL": redis_url, "MONGODB_URI": mongo_uri}
    with running_gateway(**environment) as gateway:
        gateway.client.post("/api/bullmq/initialize", headers=gateway.as_admin()).raise_for_status()
        stop = threading.Event()
        asking = [
            threading.Thread(target=_ask_until, args=(stop, gateway, accepted, number))
            for number in range(1_000, 5_000, 1_000)
        ]
        for thread in asking:
            thread.start()
        wait_until(lambda: len(accepted) > 40, deadline_s=20, message="jobs come in")
        gateway.process.kill()
        stop.set()
        for thread in asking:
            thread.join()
        # The worst that the kill can leave behind: jobs in the ledger only.
        _forget_some(redis_url, accepted)

    with running_gateway(**environment):
        wait_until(lambda: known_to(redis_url, accepted) == accepted, deadline_s=20, message="all are in Redis")


def _ask_until(stop: threading.Event, gateway: RunningGateway, accepted: set[str], first: int) -> None:
    headers = dict(gateway.client.headers)
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False, timeout=10) as client:
        for number in range(first, first + 1_000):
            if stop.is_set():
                return
            with contextlib.suppress(httpx.TransportError):
                answer = client.post(JOBS, json=integration(number))
                if answer.status_code == 202:
                    accepted.add(answer.json()["jobId"])


def _forget_some(url: str, job_ids: set[str]) -> None:
    queue = JobQueue(connect_redis(Settings(redis_url=Secret(url))), "integration-sync")
    for job_id in sorted(job_ids)[:10]:
        queue.cancel(job_id)


def _without_error(url: str, job_ids: set[str]) -> set[str]:
    try:
        return known_to(url, job_ids)
    except StoreUnavailable:
        return set()
