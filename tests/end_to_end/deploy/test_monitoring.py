"""Prometheus and Alertmanager over the running system: rules and boards' queries work, and alerts ring in time.

It takes minutes, the alerts' own, so it runs when it is asked for: `pytest -m chaos tests/end_to_end/deploy`.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis
from pymongo import MongoClient
from pymongo.database import Database

from deploy.grafana.definitions import BOARDS
from libs.cli.lines import NewLine, save_line
from libs.cli.supervisor import Supervisor, python_module
from libs.common.broker.enqueue import job_from
from libs.common.broker.queue import JobQueue
from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.ids import new_job_id
from libs.common.jobs.contract import TickPayload
from libs.common.jobs.health_check import HEALTH_CHECK
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.settings import Secret
from libs.embedded import MongoServer, RedisServer, ports
from tests.end_to_end.deploy.monitoring import Called, Prometheus, running_alertmanager, running_prometheus
from tests.end_to_end.gateway.conftest import SERVICE_TOKEN, RunningGateway, running_gateway
from tests.integration.deploy.tools import needs
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(900),
    needs("prometheus", package="prometheus"),
    needs("prometheus-alertmanager", package="prometheus-alertmanager"),
]

NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Installation:
    """A gateway, a health-check worker and a scheduler; nobody works on message-processing."""

    gateway: RunningGateway
    redis_url: str
    database: Database[dict[str, object]]
    vault: CredentialsVault

    def queue(self, name: str) -> JobQueue:
        return JobQueue(redis.Redis.from_url(self.redis_url), name)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    key = new_credentials_key()
    with RedisServer() as redis_server, MongoServer() as mongo_server:
        stores = {"REDIS_URL": redis_server.url, "MONGODB_URI": mongo_server.uri_for("tuco"), "CREDENTIALS_KEY": key}
        workers = {
            "scheduler": ("services.scheduler",),
            "health-check": ("services.availability", "--queue", "health-check"),
        }
        places = {name: ports.choose() for name in workers}
        targets = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in places.items())
        with (
            Supervisor(on_line=lambda _name, _line: None) as supervisor,
            running_gateway(**stores, SERVICE_URLS=targets) as gateway,
        ):
            gateway.client.post("/api/bullmq/initialize", headers=gateway.as_admin()).raise_for_status()
            for name, (module, *arguments) in workers.items():
                environ = {**os.environ, **stores, "INTERNAL_PORT": str(places[name])}
                supervisor.start(python_module(name, module, *arguments, environ=environ))
            wait_until(
                lambda: gateway.client.get("/api/bullmq/health").status_code == 200,
                deadline_s=60,
                message="everything is well",
            )
            with MongoClient[dict[str, object]](mongo_server.uri_for("tuco")) as client:
                yield Installation(
                    gateway, redis_server.url, client.get_default_database(), CredentialsVault(Secret(key))
                )


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Called]]:
    with running_alertmanager(tmp_path_factory.mktemp("alertmanager")) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(
    installation: Installation, called: tuple[str, Called], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    url = str(installation.gateway.client.base_url)
    with running_prometheus(folder, gateway_url=url, token=SERVICE_TOKEN, alertmanager=called[0]) as running:
        wait_until(lambda: running.query("tuco_target_up == 1"), deadline_s=30, message="the gateway is scraped")
        yield running


def test_every_process_is_seen_through_the_gateway(prometheus: Prometheus) -> None:
    up = {series["metric"]["service"]: series["value"][1] for series in prometheus.query("tuco_target_up")}
    assert up == {"gateway": "1", "scheduler": "1", "health-check": "1"}


def test_every_query_of_every_board_is_answered(prometheus: Prometheus) -> None:
    answered = 0
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                expr = query.expr.replace("$__rate_interval", "1m")
                expr = expr.replace("$queue", "health-check").replace("$service", "gateway")
                prometheus.query(expr)
                answered += 1
    assert answered > 40


def test_lines_down_and_old_backlogs_call_somebody_in_time(
    installation: Installation, prometheus: Prometheus, called: tuple[str, Called]
) -> None:
    save_line(
        installation.database,
        installation.vault,
        NewLine(
            workspace_id="w",
            provider="bluebubbles",
            server_url=NOBODY,
            credentials={"password": "p"},
            name="a line",
            health={"status": "up"},
        ),
    )
    begun = time.monotonic()
    payload = MessageProcessing(message_id="0" * 24, workspace_id="w")
    installation.queue("message-processing").add([job_from(MESSAGE_PROCESSING, payload, job_id=new_job_id())])
    checks = installation.queue("health-check")
    for number in range(3):
        tick = TickPayload(schedule="test", tick=f"2026-01-01T00:0{number}:00Z")
        checks.add([job_from(HEALTH_CHECK, tick, job_id=new_job_id())])
        wait_until(lambda: not checks.stats().counts["active"], deadline_s=60, message="the line was looked at")
    _address, somebody = called
    wait_until(lambda: somebody.of("LineDown"), deadline_s=90, message="somebody is called for the line", interval_s=1)
    line_after = time.monotonic() - begun
    # A minute that a job may wait, two that it must stay so, a minute's evaluation of the limits, ten seconds to group.
    wait_until(
        lambda: somebody.of("BacklogTooOld"), deadline_s=270, message="somebody is called for the backlog", interval_s=1
    )
    backlog_after = time.monotonic() - begun
    assert somebody.of("LineDown")[0]["receiver"] == "pages"
    assert somebody.of("BacklogTooOld")[0] | {"receiver": "pages"} == somebody.of("BacklogTooOld")[0]
    assert somebody.of("BacklogTooOld")[0]["queue"] == "message-processing"
    assert line_after < 90
    assert 180 < backlog_after < 280


def test_every_rule_is_evaluated_without_fault(prometheus: Prometheus) -> None:
    # Rates over an hour and limits are evaluated once a minute.
    rules = prometheus.rules()
    assert len(rules) > 60
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] == "err"] == []
    assert prometheus.query("tuco:queue_oldest_waiting:limit_seconds")
