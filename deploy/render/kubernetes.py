"""A workload's Kubernetes objects: service account, deployment, service and disruption budget."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.workloads import GATEWAY, Workload

Manifest = dict[str, Any]

PART_OF = {"app.kubernetes.io/part-of": "tuco-jobs"}
"""The label of everything that is ours."""
CONFIG_MAP = "tuco-settings"
SECRET = "tuco-secrets"  # noqa: S105 - a secret's name, not a secret
NON_ROOT = 10001
"""The user and group of the image."""

_FAILURES_OF_GATEWAY = 6
"""While MongoDB elects a primary, the gateway itself says when to come back; who is cut off for half a minute goes."""


def manifests_of(workload: Workload) -> list[Manifest]:
    """The objects of a workload, in the order in which a reader needs them."""
    return [
        _service_account(workload),
        _deployment(workload),
        _service(workload),
        *([] if workload is GATEWAY else [_each_process(workload)]),
        _budget(workload),
    ]


def labels_of(workload: Workload) -> dict[str, str]:
    """What its objects are called; the recommended labels of Kubernetes."""
    return {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/component": workload.service,
        **PART_OF,
    }


def _service_account(workload: Workload) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(workload),
        "automountServiceAccountToken": False,
    }


def _deployment(workload: Workload) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(workload),
        "spec": {
            "replicas": workload.replicas,
            "revisionHistoryLimit": 5,
            "selector": {"matchLabels": _selector(workload)},
            # New ones first: nothing is taken away before its successor is ready.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels_of(workload)}, "spec": _pod(workload)},
        },
    }


def _pod(workload: Workload) -> Manifest:
    return {
        "serviceAccountName": workload.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": int(workload.grace.total_seconds()),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NON_ROOT,
            "runAsGroup": NON_ROOT,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            _spread(workload, "topology.kubernetes.io/zone"),
            _spread(workload, "kubernetes.io/hostname"),
        ],
        "containers": [_container(workload)],
        # The gateway's server and Python's tempfile need a place to write; the root file system is none.
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "32Mi"}}],
    }


def _container(workload: Workload) -> Manifest:
    container: Manifest = {
        "name": workload.service,
        "image": f"tuco-jobs/{workload.service}",
        "imagePullPolicy": "IfNotPresent",
    }
    if workload.arguments:
        container["args"] = list(workload.arguments)
    container |= {
        "ports": [{"name": "http", "containerPort": workload.port}],
        "envFrom": [{"configMapRef": {"name": CONFIG_MAP}}],
        "env": _environment(workload),
        "resources": {
            "requests": {"cpu": workload.resources.cpu, "memory": workload.resources.memory},
            "limits": {"memory": workload.resources.memory},
        },
        # Alive: this process turns, whatever it depends on. Ready: it can do its work.
        "startupProbe": _probe("/healthz", period_s=2, failures=30),
        "livenessProbe": _probe("/healthz", period_s=10, failures=3),
        "readinessProbe": _probe("/readyz", period_s=5, failures=_FAILURES_OF_GATEWAY if workload is GATEWAY else 2),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the container's own
    }
    if workload.before_stop:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": int(workload.before_stop.total_seconds())}}}
    return container


def _environment(workload: Workload) -> list[Manifest]:
    shutdown_ms = int(workload.shutdown_timeout.total_seconds() * 1000)
    return [
        {"name": "SHUTDOWN_TIMEOUT_MS", "value": str(shutdown_ms)},
        *(_from_secret(name) for name in workload.secrets),
        *(_from_secret(name, optional=True) for name in workload.optional_secrets),
    ]


def _from_secret(name: str, **optional: bool) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": name, **optional}}}


def _probe(path: str, *, period_s: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period_s,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _spread(workload: Workload, over: str) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": over,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": _selector(workload)},
    }


def _service(workload: Workload) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(workload),
        "spec": {
            "selector": _selector(workload),
            "ports": [{"name": "http", "port": workload.port, "targetPort": "http"}],
            # A worker without Redis is not ready for its queue, but that is when the gateway needs it for direct runs.
            **({"publishNotReadyAddresses": True} if _runs_without_redis(workload) else {}),
        },
    }


def _each_process(workload: Workload) -> Manifest:
    """A name without an address of its own: it stands for all pods, ready or not, for whoever asks each of them."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**_metadata(workload), "name": workload.each_process},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": _selector(workload),
            "ports": [{"name": "http", "port": workload.port, "targetPort": "http"}],
        },
    }


def _runs_without_redis(workload: Workload) -> bool:
    return workload.serves_requests and workload is not GATEWAY


def _budget(workload: Workload) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(workload),
        "spec": {
            "maxUnavailable": 1,
            # A pod that is not well does nothing anyway and must not keep a node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": _selector(workload)},
        },
    }


def _selector(workload: Workload) -> dict[str, str]:
    return {"app.kubernetes.io/name": workload.name, **PART_OF}


def _metadata(workload: Workload) -> Manifest:
    return {"name": workload.name, "labels": labels_of(workload)}


def kustomization(resources: Sequence[str], **more: Any) -> Manifest:
    """A kustomization that lists generated files."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(resources),
    } | more


def env_file(settings: Mapping[str, str]) -> str:
    """Settings as `NAME=value` lines, for a config map."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())
