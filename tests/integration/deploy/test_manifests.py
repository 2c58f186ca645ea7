"""What the overlays promise, whatever they are composed of."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.workloads import GATEWAY, SECRETS, WORKERS, WORKLOADS, Worker
from libs.common.jobs.registry import contracts
from services.gateway.targets import read_targets
from tests.integration.deploy.manifests import (
    OVERLAYS,
    Manifest,
    name_of,
    pod_specs,
    rendered,
    rendered_text,
)
from tests.integration.deploy.tools import ROOT, needs, run

pytestmark = needs("kubectl")

EVERY_OVERLAY = pytest.mark.parametrize("overlay", OVERLAYS)


def environment_of(pod: Manifest) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in pod["containers"][0].get("env", [])}


@EVERY_OVERLAY
def test_every_workload_is_deployed(overlay: str) -> None:
    assert {name_of(each) for each in rendered(overlay, "Deployment")} == {workload.name for workload in WORKLOADS}


@EVERY_OVERLAY
@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.queue)
def test_the_longest_job_ends_before_the_shutdown_time_out_and_that_before_the_kill(
    overlay: str, worker: Worker
) -> None:
    pod = pod_specs(overlay)[worker.queue]
    limits_s = [each.time_limit.total_seconds() for each in contracts().values() if each.queue == worker.queue]
    shutdown_s = int(environment_of(pod)["SHUTDOWN_TIMEOUT_MS"]) / 1000
    before_stop = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert max(limits_s) < shutdown_s
    assert before_stop + shutdown_s < pod["terminationGracePeriodSeconds"]


@EVERY_OVERLAY
def test_a_proxy_s_word_on_who_calls_is_taken_exactly_where_there_is_one(overlay: str) -> None:
    """Without it, all callers share the ingress controller's address, and whoever guesses tokens locks out the app."""
    (settings,) = (each for each in rendered(overlay, "ConfigMap") if name_of(each).startswith("tuco-settings"))

    assert int(settings["data"]["TRUSTED_PROXIES"]) == len(rendered(overlay, "Ingress"))


@EVERY_OVERLAY
def test_pods_fulfil_the_restricted_standard(overlay: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    allowed_volumes = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
    for name, pod in pod_specs(overlay).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        for volume in pod.get("volumes", []):
            assert set(volume) - {"name"} <= allowed_volumes, name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert not any("hostPort" in port for port in container["ports"]), name
    [namespace] = rendered(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@EVERY_OVERLAY
def test_no_pod_can_talk_to_the_cluster(overlay: str) -> None:
    accounts = {name_of(each): each for each in rendered(overlay, "ServiceAccount")}
    for name, pod in pod_specs(overlay).items():
        assert pod["serviceAccountName"] == name
        assert pod["automountServiceAccountToken"] is False
        assert accounts[name]["automountServiceAccountToken"] is False
    assert rendered(overlay, "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding") == []


@EVERY_OVERLAY
def test_a_pod_is_restarted_for_its_own_sake_only(overlay: str) -> None:
    for workload in WORKLOADS:
        container = pod_specs(overlay)[workload.name]["containers"][0]
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
        assert container["ports"] == [{"name": "http", "containerPort": workload.port}]


@EVERY_OVERLAY
def test_every_container_says_what_it_needs(overlay: str) -> None:
    for name, pod in pod_specs(overlay).items():
        for container in pod["containers"]:
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), name
            assert resources["limits"]["memory"] == resources["requests"]["memory"], name


@EVERY_OVERLAY
def test_one_pod_at_a_time_may_be_taken_away_and_pods_are_spread(overlay: str) -> None:
    budgets = {name_of(each): each["spec"] for each in rendered(overlay, "PodDisruptionBudget")}
    for deployment in rendered(overlay, "Deployment"):
        budget = budgets[name_of(deployment)]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"]["matchLabels"].items() <= labels.items()
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(each["labelSelector"]["matchLabels"].items() <= labels.items() for each in spread)


@EVERY_OVERLAY
def test_a_roll_out_takes_nothing_away_before_its_successor_is_ready(overlay: str) -> None:
    for deployment in rendered(overlay, "Deployment"):
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@EVERY_OVERLAY
def test_services_lead_to_pods_that_there_are(overlay: str) -> None:
    pods = {
        name_of(each): each["spec"]["template"]["metadata"]["labels"]
        for each in rendered(overlay, "Deployment", "StatefulSet")
    }
    for service in rendered(overlay, "Service"):
        assert service["spec"]["selector"].items() <= pods[name_of(service).removesuffix("-each")].items()


@EVERY_OVERLAY
def test_the_gateway_finds_each_process_of_each_service_by_a_name(overlay: str) -> None:
    services = {name_of(each): each["spec"] for each in rendered(overlay, "Service")}
    [settings] = [each for each in rendered(overlay, "ConfigMap") if name_of(each).startswith("tuco-settings")]
    targets = read_targets(settings["data"]["SERVICE_URLS"])
    assert {target.service for target in targets} == {each.name for each in WORKLOADS if each is not GATEWAY}
    for target in targets:
        assert target.many
        address = urlsplit(target.url)
        service = services[address.hostname or ""]
        assert service["clusterIP"] == "None"
        assert service["publishNotReadyAddresses"] is True
        assert service["ports"] == [{"name": "http", "port": address.port, "targetPort": "http"}]
        assert service["selector"]["app.kubernetes.io/name"] == target.service


@EVERY_OVERLAY
def test_an_election_of_mongodb_takes_no_gateway_out_of_its_service(overlay: str) -> None:
    probe = pod_specs(overlay)[GATEWAY.name]["containers"][0]["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 30


@EVERY_OVERLAY
def test_direct_runs_reach_a_worker_that_is_not_ready_for_lack_of_redis(overlay: str) -> None:
    services = {name_of(each): each["spec"] for each in rendered(overlay, "Service")}
    for worker in WORKERS:
        assert bool(services[worker.queue].get("publishNotReadyAddresses")) is bool(worker.direct_setting)


@EVERY_OVERLAY
def test_secrets_come_by_reference_only(overlay: str) -> None:
    assert rendered(overlay, "Secret") == []
    for workload in WORKLOADS:
        entries = pod_specs(overlay)[workload.name]["containers"][0]["env"]
        by_reference = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in entries if "valueFrom" in each}
        assert by_reference == {
            **{name: {"name": "tuco-secrets", "key": name} for name in workload.secrets},
            **{name: {"name": "tuco-secrets", "key": name, "optional": True} for name in workload.optional_secrets},
        }
    for settings in rendered(overlay, "ConfigMap"):
        assert not set(settings["data"]) & set(SECRETS)


def test_a_vault_is_asked_for_every_secret_and_for_no_other() -> None:
    external = {name_of(each): each["spec"]["data"] for each in rendered("production", "ExternalSecret")}
    assert sorted(each["secretKey"] for each in external["tuco-secrets"]) == list(SECRETS)
    sealed = ROOT / "deploy" / "kubernetes" / "components" / "sealed-secrets" / "tuco-secrets.yaml"
    assert sorted(yaml.safe_load(sealed.read_text())["spec"]["encryptedData"]) == list(SECRETS)


@EVERY_OVERLAY
def test_a_changed_setting_rolls_the_pods(overlay: str) -> None:
    [settings] = [each for each in rendered(overlay, "ConfigMap") if name_of(each).startswith("tuco-settings")]
    assert re.fullmatch(r"tuco-settings-[a-z0-9]{10}", name_of(settings))
    for workload in WORKLOADS:
        container = pod_specs(overlay)[workload.name]["containers"][0]
        assert container["envFrom"] == [{"configMapRef": {"name": name_of(settings)}}]


@EVERY_OVERLAY
def test_images_have_a_tag(overlay: str) -> None:
    for pod in pod_specs(overlay).values():
        for container in pod["containers"]:
            assert re.search(r":[\w.-]+$", container["image"]), container["image"]
            assert not container["image"].endswith(":latest")


def test_what_keda_scales_has_no_number_of_replicas_of_its_own() -> None:
    scaled = {name_of(each): each["spec"] for each in rendered("production", "ScaledObject")}
    assert set(scaled) == {worker.queue for worker in WORKERS}
    for deployment in rendered("production", "Deployment"):
        assert ("replicas" in deployment["spec"]) is (name_of(deployment) not in scaled)
    for name, spec in scaled.items():
        assert spec["scaleTargetRef"] == {"name": name}


def test_scaling_survives_the_loss_of_prometheus() -> None:
    for scaled in rendered("production", "ScaledObject"):
        by_source = {trigger["type"]: trigger for trigger in scaled["spec"]["triggers"]}
        location = by_source["metrics-api"]["metadata"]["valueLocation"]
        assert location == f'queues.#(queue=="{name_of(scaled)}").backlog'
        assert set(by_source) == {"prometheus", "metrics-api"}
        assert by_source["prometheus"]["metadata"]["ignoreNullValues"] == "false"
        assert {trigger["metricType"] for trigger in by_source.values()} == {"AverageValue"}
        assert scaled["spec"]["fallback"]["replicas"] >= scaled["spec"]["minReplicaCount"]
        behavior = scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300
        assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0


@EVERY_OVERLAY
def test_an_overlay_is_in_one_namespace(overlay: str) -> None:
    assert {each["metadata"].get("namespace") for each in rendered(overlay) if each["kind"] != "Namespace"} == {
        "tuco-jobs"
    }


def test_the_gateway_is_the_only_way_in_and_a_trial_has_none() -> None:
    [ingress] = rendered("production", "Ingress")
    backends = [
        path["backend"]["service"]["name"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]
    ]
    assert backends == [GATEWAY.name]
    assert ingress["spec"]["tls"]
    assert rendered("trial", "Ingress") == []
    kinds: set[Any] = {service["spec"].get("type", "ClusterIP") for service in rendered("production", "Service")}
    assert kinds == {"ClusterIP"}


@pytest.mark.parametrize("component", ["sealed-secrets"])
def test_components_that_no_overlay_uses_can_be_rendered(component: str, tmp_path: Any) -> None:
    overlay = ROOT / "deploy" / "kubernetes"
    text = (
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources: [base]\ncomponents: [components/{component}]\n"
    )
    copied = tmp_path / "kubernetes"
    run("cp", "-r", str(overlay), str(copied))
    (copied / "kustomization.yaml").write_text(text)
    answer = run("kubectl", "kustomize", str(copied))
    assert answer.returncode == 0, answer.stderr
    assert "SealedSecret" in answer.stdout


@EVERY_OVERLAY
def test_what_is_rendered_is_short_enough_to_be_applied(overlay: str) -> None:
    """`kubectl apply` keeps each object in an annotation of at most 256 KiB."""
    for document in rendered_text(overlay).split("\n---\n"):
        assert len(document) < 200_000
