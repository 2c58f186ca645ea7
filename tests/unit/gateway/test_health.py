"""What is told of how everything is."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from libs.common.errors import StoreUnavailable
from services.gateway.health import HealthCheck
from services.gateway.side_by_side import SideBySide
from services.gateway.targets import TargetFailed
from tests.unit.gateway.fakes import ADMIN, SERVICE, World


def raising(error: Exception) -> Any:
    def probe() -> None:
        raise error

    return probe


def well() -> None:
    """A part that is up."""


def health(world: World, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    answer = world.client.get("/api/bullmq/health", headers=headers)
    return answer.status_code, json.loads(answer.text)


def test_everything_up_is_ok() -> None:
    status, answer = health(World(probes={"redis": well, "mongodb": well}), SERVICE)

    assert (status, answer["status"]) == (200, "ok")
    assert {name: part["status"] for name, part in answer["parts"].items()} == {
        "gateway": "up",
        "redis": "up",
        "mongodb": "up",
    }
    assert answer["parts"]["redis"]["latencyMs"] >= 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreUnavailable("redis", "connection refused"), "connection refused"),
        (TargetFailed("answered 503"), "answered 503"),
        (ValueError("secret: s3cr3t"), "ValueError"),
    ],
)
def test_a_part_that_is_down_makes_it_unavailable_and_says_which(error: Exception, reason: str) -> None:
    status, answer = health(World(probes={"good": well, "bad": raising(error)}), ADMIN)

    assert (status, answer["status"]) == (503, "unavailable")
    assert answer["parts"]["good"]["status"] == "up"
    assert answer["parts"]["bad"] == {"status": "down", "reason": reason}


@pytest.mark.parametrize(("probe", "status", "word"), [(well, 200, "ok"), (raising(ValueError()), 503, "unavailable")])
def test_without_a_token_it_says_only_the_status(probe: Any, status: int, word: str) -> None:
    assert health(World(probes={"redis": probe}), {}) == (status, {"status": word})


def test_a_part_that_does_not_answer_is_down_at_the_deadline() -> None:
    released = threading.Event()
    with_deadline = SideBySide(deadline=timedelta(milliseconds=50), threads=2)
    check = HealthCheck({"hangs": lambda: _wait(released), "well": well}, with_deadline)

    parts = check.run().parts
    released.set()

    assert parts["hangs"].status == "down"
    assert "no answer within 0.05 seconds" in (parts["hangs"].reason or "")
    assert parts["well"].status == "up"


def test_asking_often_does_not_ask_the_parts_often() -> None:
    asked: list[int] = []
    check = HealthCheck({"part": lambda: asked.append(1)}, SideBySide(deadline=timedelta(seconds=1), threads=2))

    for _ in range(50):
        check.run()

    assert len(asked) == 1


def test_healthz_answers_whatever_is_down() -> None:
    world = World(probes={"redis": raising(StoreUnavailable("redis", "away"))})

    assert world.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("away", "status", "word"), [((), 200, "ok"), (("redis",), 200, "degraded"), (("mongodb",), 503, "unavailable")]
)
def test_a_gateway_is_given_requests_while_the_ledger_can_accept_jobs(
    away: tuple[str, ...], status: int, word: str
) -> None:
    probes = {name: raising(StoreUnavailable(name, "away")) if name in away else well for name in ("redis", "mongodb")}

    answer = World(probes=probes).client.get("/readyz")

    assert (answer.status_code, json.loads(answer.text)) == (status, {"status": word})


def test_parts_that_come_and_go_are_found_each_time() -> None:
    there = {"one": well}
    check = HealthCheck({}, SideBySide(deadline=timedelta(seconds=1), threads=2), further=lambda: dict(there))
    assert set(check.run().parts) == {"gateway", "one"}


def _wait(event: threading.Event) -> None:
    event.wait(5)
