"""Who may talk to whom: every flow that is needed is there, and no other."""

from itertools import product

import pytest

from deploy.workloads import GATEWAY, SCHEDULER, WORKERS, WORKLOADS
from tests.integration.deploy.flows import Peer, Policies
from tests.integration.deploy.manifests import rendered
from tests.integration.deploy.tools import needs

pytestmark = needs("kubectl")

PROVIDER = Peer(namespace="", address="17.253.144.10")
METADATA = Peer(namespace="", address="169.254.169.254")
PRIVATE = Peer(namespace="", address="192.168.1.20")
STORES = Peer(namespace="", address="10.20.0.7")
DNS = Peer(labels={"k8s-app": "kube-dns"}, namespace="kube-system")
PROMETHEUS = Peer(namespace="monitoring")
KEDA = Peer(namespace="keda")
INGRESS = Peer(namespace="ingress-nginx")
STRANGER = Peer(namespace="another-team")

CALL_OUTSIDE = {worker.queue for worker in WORKERS if worker.calls_providers}


def pods(overlay: str) -> dict[str, Peer]:
    """A pod of each workload, by its name."""
    return {
        each["metadata"]["name"]: Peer(labels=each["spec"]["template"]["metadata"]["labels"])
        for each in rendered(overlay, "Deployment", "StatefulSet")
    }


def policies(overlay: str) -> Policies:
    return Policies(rendered(overlay, "NetworkPolicy"), {workload.name: workload.port for workload in WORKLOADS})


def test_inside_only_the_gateway_calls_and_only_internal_ports() -> None:
    allow = policies("production").allow
    there = pods("production")
    open_pairs = {
        (source, workload.name)
        for source, workload in product(there, WORKLOADS)
        if allow(there[source], there[workload.name], workload.port)
    }
    assert open_pairs == {(GATEWAY.name, workload.name) for workload in WORKLOADS if workload is not GATEWAY}
    assert not allow(there[GATEWAY.name], there[SCHEDULER.name], 22)


def test_from_outside_each_comes_to_what_it_is_there_for() -> None:
    allow = policies("production").allow
    there = pods("production")
    reach = {
        who: {workload.name for workload in WORKLOADS if allow(peer, there[workload.name], workload.port)}
        for who, peer in {"prometheus": PROMETHEUS, "keda": KEDA, "ingress": INGRESS, "stranger": STRANGER}.items()
    }
    everything = {workload.name for workload in WORKLOADS}
    assert reach == {"prometheus": everything, "keda": {GATEWAY.name}, "ingress": {GATEWAY.name}, "stranger": set()}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_only_what_calls_providers_gets_out_and_never_to_private_networks(workload: object) -> None:
    assert isinstance(workload, type(GATEWAY))
    allow = policies("production").allow
    pod = pods("production")[workload.name]
    for port in (443, 1234):
        assert allow(pod, PROVIDER, port) is (workload.name in CALL_OUTSIDE)
    for port in (80, 443):
        assert not allow(pod, METADATA, port)
        assert not allow(pod, PRIVATE, port)
    assert allow(pod, DNS, 53, "UDP")
    assert not allow(pod, DNS, 443)


def test_every_workload_reaches_the_stores_and_nothing_else_beside_them() -> None:
    allow = policies("production").allow
    for name, pod in pods("production").items():
        assert allow(pod, STORES, 6379), name
        assert allow(pod, STORES, 27017), name
        assert not allow(pod, STORES, 22), name


def test_in_a_trial_the_stores_are_called_and_call_nobody() -> None:
    allow = policies("trial").allow
    there = pods("trial")
    for workload in WORKLOADS:
        assert allow(there[workload.name], there["redis"], 6379)
        assert allow(there[workload.name], there["mongo"], 27017)
        assert not allow(there[workload.name], there["redis"], 27017)
        assert not allow(there["redis"], there[workload.name], workload.port)
    assert not allow(STRANGER, there["redis"], 6379)
    assert not allow(there["redis"], PROVIDER, 443)


def test_without_policies_everything_would_be_open() -> None:
    everything = Policies([], {})
    assert everything.allow(STRANGER, pods("trial")["redis"], 6379)
