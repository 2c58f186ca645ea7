"""The Compose file has the shape of the cluster: the same containers, shut in and stopped in the same way."""

from functools import cache
from typing import Any

import msgspec
import pytest
import yaml

from deploy.workloads import GATEWAY, WORKLOADS, Workload
from libs.common.settings import Settings
from tests.unit.deploy.rules import ROOT

STORES_AND_MONITORING = {"redis", "mongo", "prometheus", "alertmanager", "grafana"}


@cache
def services() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    return content


def test_it_runs_every_workload_and_what_they_need() -> None:
    assert set(services()) == {workload.name for workload in WORKLOADS} | STORES_AND_MONITORING


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_container_is_shut_in_as_in_the_cluster(workload: Workload) -> None:
    service = services()[workload.name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("command", []) == list(workload.arguments)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_container_may_finish_before_it_is_killed(workload: Workload) -> None:
    service = services()[workload.name]
    grace_ms = int(service["stop_grace_period"].removesuffix("s")) * 1000
    assert int(service["environment"]["SHUTDOWN_TIMEOUT_MS"]) < grace_ms


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_its_environment_are_settings_that_there_are(workload: Workload) -> None:
    names = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    assert set(services()[workload.name]["environment"]) <= names


def test_nothing_is_reachable_from_other_machines() -> None:
    ports = {name: service.get("ports", []) for name, service in services().items()}
    assert ports[GATEWAY.name] == ["127.0.0.1:3001:3001"]
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_no_secret_is_in_the_file() -> None:
    for workload in WORKLOADS:
        environment = services()[workload.name]["environment"]
        for name in ("SERVICE_TOKEN", "ADMIN_TOKEN", "CREDENTIALS_KEY"):
            assert environment.get(name, "${").startswith("${")
