"""The table of workloads agrees with the contracts, the services and the settings."""

import ast
import importlib
import tomllib

import msgspec
import pytest

from deploy.workloads import GATEWAY, SCHEDULER, WORKERS, WORKLOADS, Worker, Workload, cluster_settings, shared_settings
from libs.common.broker.metrics import WAIT
from libs.common.jobs.registry import contracts, queues
from libs.common.settings import Settings, load_settings
from services.gateway.targets import read_targets
from tests.unit.deploy.rules import ROOT

LONGEST_DRAIN_S = 600
"""What managed clusters wait at most for a pod when they drain a node for an upgrade."""


def required_by(service: str) -> set[str]:
    """`REQUIRED` in the service's bootstrap, read without importing what the service needs."""
    tree = ast.parse((ROOT / "services" / service / "bootstrap.py").read_text())
    for node in tree.body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name) and target.id == "REQUIRED" and isinstance(node, ast.Assign | ast.AnnAssign):
            assert node.value is not None
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"services/{service}/bootstrap.py names no REQUIRED")


def test_every_queue_has_one_deployment_and_no_deployment_is_without_a_queue() -> None:
    assert sorted(worker.queue for worker in WORKERS) == list(queues())


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_workload_runs_a_service_that_there_is(workload: Workload) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert (ROOT / "services" / workload.service / "__main__.py").exists()
    assert workload.service in extras


def test_a_queue_is_served_by_the_service_in_its_row() -> None:
    for service in {worker.service for worker in WORKERS}:
        rows = {worker.queue for worker in WORKERS if worker.service == service}
        assert rows == set(importlib.import_module(f"services.{service}.bootstrap").QUEUES)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_workload_gets_every_setting_that_it_needs(workload: Workload) -> None:
    assert required_by(workload.service) <= set(workload.secrets) | set(shared_settings())


def test_only_what_takes_tokens_gets_tokens() -> None:
    with_admin = [workload.name for workload in WORKLOADS if "ADMIN_TOKEN" in workload.secrets]
    with_service = [workload.name for workload in WORKLOADS if "SERVICE_TOKEN" in workload.secrets]
    assert with_admin == [GATEWAY.name]
    assert with_service == [GATEWAY.name, "message-processing", "bulk-availability", "integration-sync"]


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.queue)
def test_whatever_job_a_worker_has_in_hand_may_finish_before_it_is_killed(worker: Worker) -> None:
    limits = [contract.time_limit for contract in contracts().values() if contract.queue == worker.queue]
    workload = worker.workload
    assert all(limit < workload.shutdown_timeout < workload.grace - workload.before_stop for limit in limits)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_node_can_be_drained_in_the_time_that_clusters_give(workload: Workload) -> None:
    assert workload.grace.total_seconds() <= LONGEST_DRAIN_S


def test_a_request_is_answered_before_the_gateway_is_killed() -> None:
    assert Settings().direct_timeout_ms / 1000 < GATEWAY.shutdown_timeout.total_seconds()
    assert GATEWAY.shutdown_timeout + GATEWAY.before_stop < GATEWAY.grace


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.queue)
def test_what_users_may_expect_can_be_measured(worker: Worker) -> None:
    WAIT.labels("a-queue")
    bounds = [sample.labels.get("le") for metric in WAIT.collect() for sample in metric.samples]
    assert str(worker.objective.starts_within.total_seconds()) in bounds
    assert worker.objective.starts_within < worker.objective.too_old


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.queue)
def test_scaling_has_room_and_never_ends_at_nothing(worker: Worker) -> None:
    scaling = worker.scaling
    assert 1 < scaling.least <= scaling.without_metrics <= scaling.most
    assert scaling.age_per_process < worker.objective.too_old, "more processes come before a person is called"


def test_shared_settings_are_settings_that_there_are_and_can_be_read() -> None:
    names = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    assert set(shared_settings()) <= set(cluster_settings()) <= names
    settings = load_settings(cluster_settings())
    targets = {target.service for target in read_targets(settings.service_urls)}
    assert targets == {workload.name for workload in WORKLOADS} - {GATEWAY.name}
    assert settings.messaging_url != Settings().messaging_url
    assert settings.availability_url != Settings().availability_url
    assert settings.sync_url != Settings().sync_url


def test_secrets_are_settings_that_there_are() -> None:
    names = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    assert {secret for workload in WORKLOADS for secret in workload.secrets} <= names


def test_nothing_that_runs_is_alone() -> None:
    assert all(workload.replicas >= 2 for workload in WORKLOADS)
    assert SCHEDULER in WORKLOADS
