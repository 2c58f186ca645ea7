"""Health and metrics of services that answer, refuse, are silent, or are not there."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from tests.integration.gateway.conftest import SERVICE, Served, serve, settings_for
from tests.integration.gateway.stub import Stub, running_stub

METRICS = b"# HELP jobs Jobs.\n# TYPE jobs counter\njobs_total 3\n"


class Services:
    """Services of several kinds and the gateway that asks them."""

    def __init__(self, stack: ExitStack, redis_url: str, mongo_uri: str) -> None:
        self.stubs = {name: stack.enter_context(running_stub()) for name in ("one", "two", "refusing", "silent", "odd")}
        pairs = [("sync", self.stubs["one"]), ("sync", self.stubs["two"])]
        pairs += [(name, self.stubs[name]) for name in ("refusing", "silent", "odd")]
        urls = ",".join([f"{name}={stub.url}" for name, stub in pairs] + ["missing=http://127.0.0.1:9"])
        for name in ("one", "two", "silent"):
            self.stubs[name].says(200, METRICS)
        self.stubs["silent"].chunk_pause_s = 3
        self.stubs["refusing"].says(500, b"broken")
        self.stubs["odd"].says(200, b"<html>")
        self.served: Served = serve(settings_for(redis_url, mongo_uri, service_urls=urls))

    def address(self, name: str) -> str:
        return self.stubs[name].url.removeprefix("http://")


@pytest.fixture
def services(redis_url: str, mongo_uri: str) -> Iterator[Services]:
    with ExitStack() as stack:
        services = Services(stack, redis_url, mongo_uri)
        yield services
        services.served.gateway.close()


def get(served: Served, path: str, headers: dict[str, str] = SERVICE) -> Any:
    return served.client.get(f"/api/bullmq{path}", headers=headers)


def test_metrics_of_all_processes_come_in_one_answer_in_time(services: Services) -> None:
    started = time.perf_counter()
    text = get(services.served, "/metrics").text
    assert time.perf_counter() - started < 2

    for name in ("one", "two"):
        assert f'jobs_total{{service="sync",instance="{services.address(name)}"}} 3\n' in text
    assert text.count("# TYPE jobs counter") == 1
    up = {line for line in text.splitlines() if line.startswith("tuco_target_up")}
    assert {
        f'tuco_target_up{{service="sync",instance="{services.address("one")}"}} 1.0',
        f'tuco_target_up{{service="sync",instance="{services.address("two")}"}} 1.0',
        f'tuco_target_up{{service="refusing",instance="{services.address("refusing")}"}} 0.0',
        f'tuco_target_up{{service="silent",instance="{services.address("silent")}"}} 0.0',
        f'tuco_target_up{{service="odd",instance="{services.address("odd")}"}} 0.0',
        'tuco_target_up{service="missing",instance="127.0.0.1:9"} 0.0',
    } <= up
    assert len(up) == 7


def test_health_says_of_each_service_how_it_is(services: Services) -> None:
    for name in ("one", "two", "odd"):
        services.stubs[name].says(200, b"ok")

    answer = get(services.served, "/health")

    assert answer.status_code == 503
    parts = json.loads(answer.text)["parts"]
    assert {name: part["status"] for name, part in parts.items()} == {
        "gateway": "up",
        "redis": "up",
        "mongodb": "up",
        f"sync@{services.address('one')}": "up",
        f"sync@{services.address('two')}": "up",
        "refusing": "down",
        "silent": "down",
        "odd": "up",
        "missing": "down",
    }
    assert parts["refusing"]["reason"] == "answered 500"
    assert parts["missing"]["reason"] == "cannot be reached"
    assert services.stubs["one"].asked[0][1] == "/readyz"


def test_services_are_asked_with_the_service_token(services: Services) -> None:
    get(services.served, "/metrics")

    assert services.stubs["one"].asked[0][2]["Authorization"] == "Bearer service"


def test_health_without_stores_is_unavailable_and_names_them() -> None:
    uri = "mongodb://me:s3cr3t@127.0.0.1:9/tuco?serverSelectionTimeoutMS=200"
    lonely = serve(settings_for("redis://:s3cr3t@127.0.0.1:9/0", uri))

    answer = get(lonely, "/health")

    assert answer.status_code == 503
    assert {name: part["status"] for name, part in json.loads(answer.text)["parts"].items()} == {
        "gateway": "up",
        "redis": "down",
        "mongodb": "down",
    }
    assert "s3cr3t" not in answer.text


def test_health_is_answered_in_time_while_a_store_hangs(
    redis_url: str, mongo_uri: str, redis_client: "redis.Redis"
) -> None:
    served = serve(settings_for(redis_url, mongo_uri))
    redis_client.client_pause(3_000)
    started = time.perf_counter()

    answer = get(served, "/health")

    assert time.perf_counter() - started < 2
    assert json.loads(answer.text)["parts"]["redis"]["status"] == "down"


def test_a_stub_tells_what_it_was_asked() -> None:
    stub = Stub()
    stub.says(418, {"teapot": True})

    assert stub.answer("GET", "/") == (418, b'{"teapot": true}')
