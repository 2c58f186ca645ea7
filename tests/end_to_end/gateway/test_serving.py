"""The gateway as a process: limits at the socket, start and stop."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from bson import ObjectId
from pymongo import MongoClient

from tests.end_to_end.gateway.conftest import SERVICE_TOKEN, RunningGateway, running_gateway
from tests.integration.gateway.stub import running_stub
from tests.unit.gateway.bad_inputs import LEAD_ID, bulk, sync
from tests.waiting import wait_until

JOBS = "/api/bullmq/jobs"

NO_HTTP = [
    b"GET /healthz\r\n\r\n",
    b"\x00\x01\x02\x03\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
]

LAST_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_a_job_goes_in_whole_or_in_chunks_and_is_seen(gateway: RunningGateway) -> None:
    receipt = gateway.client.post(JOBS, json=sync()).json()

    body = httpx.Request("POST", gateway.url, json=sync()).read()
    pieces = (body[start : start + 7] for start in range(0, len(body), 7))
    chunked = gateway.client.post(JOBS, content=pieces, headers={"Content-Type": "application/json"})

    assert chunked.json() == receipt
    assert gateway.client.get(f"{JOBS}/{receipt['jobId']}").json()["state"] == "waiting"
    assert gateway.client.get("/api/bullmq/stats").json()["totals"]["waiting"] == 1
    assert gateway.client.get("/api/bullmq/health").json()["status"] == "ok"
    assert "tuco_queue_jobs" in gateway.client.get("/metrics").text


def test_a_body_beyond_the_limit_is_refused_however_it_is_sent(redis_url: str, mongo_uri: str) -> None:
    with running_gateway(REDIS_URL=redis_url, MONGODB_URI=mongo_uri, MAX_BODY_BYTES="10000") as gateway:
        declared = gateway.client.post(JOBS, content=b" " * 20_000, headers={"Content-Type": "application/json"})
        chunks = (b" " * 1_000 for _ in range(20))
        chunked = gateway.client.post(JOBS, content=chunks, headers={"Content-Type": "application/json"})

        for answer in (declared, chunked):
            assert answer.status_code == 413
            assert answer.headers["Content-Type"] == "application/problem+json"
        assert gateway.client.get("/healthz").status_code == 200


def test_what_is_no_http_does_not_hurt(gateway: RunningGateway) -> None:
    for raw in NO_HTTP:
        with _connected(gateway) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(1_000)

        assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5")), raw[:50]
        assert gateway.client.get("/healthz").status_code == 200


def test_requests_that_come_in_one_packet_are_all_answered(gateway: RunningGateway) -> None:
    with _connected(gateway) as connection:
        connection.sendall(2 * b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + LAST_REQUEST)
        answers = b"".join(iter(lambda: connection.recv(10_000), b""))

    assert answers.count(b"HTTP/1.1 200") == 3


def test_connections_that_say_nothing_hold_up_nobody(gateway: RunningGateway) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(_connected(gateway)) for _ in range(100)]

        assert gateway.client.get("/healthz", timeout=4).status_code == 200

        silent[0].sendall(LAST_REQUEST)
        assert silent[0].recv(10_000).startswith(b"HTTP/1.1 200")


@contextmanager
def checking_slowly(
    redis_url: str, mongo_uri: str, *, for_s: float, **environment: str
) -> Iterator[tuple[RunningGateway, "Future[httpx.Response]"]]:
    """A gateway and its answer to a check of one lead, for which the service that is asked takes this long."""
    with running_stub() as availability:
        availability.says(200, {"result": {"total": 1}})
        availability.chunk_pause_s = for_s
        stores = {"REDIS_URL": redis_url, "MONGODB_URI": mongo_uri, "AVAILABILITY_URL": availability.url}
        with running_gateway(**stores, RECONCILE_AFTER_MS="60000", **environment) as gateway:
            gateway.client.post("/api/bullmq/initialize", headers=gateway.as_admin())
            _know_lead(mongo_uri)
            with ThreadPoolExecutor(1) as asking:
                answer = asking.submit(gateway.client.post, JOBS, json=bulk())
                wait_until(lambda: availability.asked, message="the service is asked")
                yield gateway, answer


def test_a_request_in_hand_is_answered_before_the_process_ends(redis_url: str, mongo_uri: str) -> None:
    with checking_slowly(redis_url, mongo_uri, for_s=1.0) as (gateway, answer):
        gateway.process.send_signal(signal.SIGTERM)

        assert answer.result().status_code == 200
        assert gateway.process.wait(timeout=10) == 0


def test_a_request_that_outlasts_the_time_to_stop_does_not_keep_the_process(redis_url: str, mongo_uri: str) -> None:
    with checking_slowly(redis_url, mongo_uri, for_s=15.0, SHUTDOWN_TIMEOUT_MS="1000") as (gateway, answer):
        gateway.process.send_signal(signal.SIGTERM)

        assert gateway.process.wait(timeout=5) == 0
        assert answer.result().status_code == 503


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "REDIS_URL is not set"),
        ({"REDIS_URL": "redis://x", "MONGODB_URI": "mongodb://x"}, "SERVICE_TOKEN is not set"),
        ({"REDIS_URL": "redis://x", "MONGODB_URI": "mongodb://x", "SERVICE_TOKEN": "s"}, "ADMIN_TOKEN is not set"),
        ({"REDIS_URL": "redis://x", "MONGODB_URI": "mongodb://x", "PORT": "http"}, "PORT is wrong"),
        (
            {
                "REDIS_URL": "redis://x",
                "MONGODB_URI": "mongodb://x",
                "ENVIRONMENT": "dev",
                "SERVICE_URLS": "sync",
            },
            "SERVICE_URLS is wrong",
        ),
    ],
)
def test_wrong_settings_stop_it_at_the_start_with_their_name(environment: dict[str, str], named: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.gateway"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert ended.returncode == 2
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


def test_many_at_once_are_served(gateway: RunningGateway) -> None:
    statuses: list[int] = []

    def ask(number: int) -> None:
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as client:
            headers = {"x-service-token": SERVICE_TOKEN}
            for turn in range(5):
                body = sync(integrationId=f"{number * 100 + turn:024x}")
                statuses.append(client.post(JOBS, json=body, headers=headers).status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [202] * 80
    assert gateway.client.get("/api/bullmq/stats").json()["totals"]["waiting"] == 80
    assert time.perf_counter() - started < 20


def _connected(gateway: RunningGateway) -> socket.socket:
    host, _, port = gateway.url.removeprefix("http://").rstrip("/").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def _know_lead(mongo_uri: str) -> None:
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client.get_default_database()["leads"].insert_one({"_id": ObjectId(LEAD_ID), "workspaceId": "w1"})
