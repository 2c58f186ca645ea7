"""A queue's scaled object: how many processes KEDA keeps for it, by what it knows from two sources.

Two triggers from two sources: the age of the oldest waiting job from Prometheus, the backlog from the gateway itself.
While one source is lost its trigger stands for `without_metrics` processes and the other goes on scaling in both
directions; see docs/explanation/scaling.md, and https://keda.sh/docs/2.16/reference/scaledobject-spec/#fallback.
"""

from typing import Any, Final

from deploy.render.kubernetes import Manifest, labels_of
from deploy.workloads import GATEWAY, NAMESPACE, Worker

PROMETHEUS: Final = "http://prometheus-operated.monitoring.svc:9090"
"""Where the Prometheus operator's default installation answers; an overlay names another one."""

READ_TOKEN: Final = "tuco-read-token"  # noqa: S105 - a secret's name, not a secret
"""The secret that holds one token of the scope `service`, for whoever reads metrics and numbers of queues."""

_STATS: Final = f"http://{GATEWAY.name}.{NAMESPACE}.svc:{GATEWAY.port}/api/bullmq/stats"


def scaled_object(worker: Worker) -> Manifest:
    """The scaled object of a queue's worker."""
    scaling = worker.scaling
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": worker.queue, "labels": labels_of(worker.workload)},
        "spec": {
            "scaleTargetRef": {"name": worker.queue},
            "pollingInterval": 15,
            "minReplicaCount": scaling.least,
            "maxReplicaCount": scaling.most,
            "fallback": {"failureThreshold": 3, "replicas": scaling.without_metrics},
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior()}},
            "triggers": [_age(worker), _backlog(worker)],
        },
    }


def _age(worker: Worker) -> dict[str, Any]:
    return {
        "type": "prometheus",
        "name": "oldest-waiting",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": PROMETHEUS,
            "query": f'max(tuco_queue_oldest_waiting_seconds{{queue="{worker.queue}"}})',
            "threshold": str(int(worker.scaling.age_per_process.total_seconds())),
            # No answer is a failure, which the fallback is for; it does not mean that nothing waits.
            "ignoreNullValues": "false",
        },
    }


def _backlog(worker: Worker) -> dict[str, Any]:
    return {
        "type": "metrics-api",
        "name": "backlog",
        "metricType": "AverageValue",
        "metadata": {
            "url": _STATS,
            "format": "json",
            "valueLocation": f'queues.#(queue=="{worker.queue}").backlog',
            "targetValue": str(worker.scaling.jobs_per_process),
            "authMode": "bearer",
        },
        "authenticationRef": {"name": READ_TOKEN},
    }


def _behavior() -> dict[str, Any]:
    """Up at once and by doubling; down after ten quiet minutes and by a tenth a minute, as load tends to come back."""
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 30},
                {"type": "Pods", "value": 4, "periodSeconds": 30},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 600,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 10, "periodSeconds": 60},
                {"type": "Pods", "value": 1, "periodSeconds": 60},
            ],
        },
    }
