"""The Compose file: the same containers on one machine, with stores and, on request, with Prometheus and Grafana."""

from typing import Any, Final

from deploy.workloads import GATEWAY, INTERNAL_PORT, WORKLOADS, Workload, shared_settings

_NAMES_IN_COMPOSE: Final = {
    "REDIS_URL": "redis://redis:6379/0",
    "MONGODB_URI": "mongodb://mongo:27017/tuco?replicaSet=rs0",
    "SERVICE_TOKEN": "${SERVICE_TOKEN:?make one with: openssl rand -hex 32}",
    "ADMIN_TOKEN": "${ADMIN_TOKEN:?make one with: openssl rand -hex 32}",
    "CREDENTIALS_KEY": "${CREDENTIALS_KEY:?make one with: tuco-jobs keys generate}",
    "WORKSPACE_TOKENS": "${WORKSPACE_TOKENS:-}",
}

_RS_INITIATE: Final = (
    "try { quit(rs.status().ok ? 0 : 1) } catch (e) "
    "{ rs.initiate({_id: 'rs0', members: [{_id: 0, host: 'mongo:27017'}]}) }"
)


def compose_file() -> dict[str, Any]:
    """The whole file."""
    return {
        "name": "tuco-jobs",
        "services": {
            **{workload.name: _service(workload) for workload in WORKLOADS},
            "redis": {
                "image": "docker.io/library/redis:7.2-bookworm",
                "command": ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
                "volumes": ["redis:/data"],
                "healthcheck": _check(["CMD", "redis-cli", "ping"]),
                "restart": "unless-stopped",
            },
            "mongo": {
                "image": "docker.io/library/mongo:7.0",
                "command": ["mongod", "--replSet", "rs0", "--bind_ip_all"],
                "volumes": ["mongo:/data/db"],
                "healthcheck": _check(["CMD", "mongosh", "--quiet", "--eval", _RS_INITIATE]),
                "restart": "unless-stopped",
            },
            "prometheus": {
                "profiles": ["monitoring"],
                "image": "docker.io/prom/prometheus:v2.53.3",
                "ports": ["127.0.0.1:9090:9090"],
                "volumes": ["./prometheus:/etc/prometheus:ro"],
                "secrets": ["service_token"],
                "restart": "unless-stopped",
            },
            "alertmanager": {
                "profiles": ["monitoring"],
                "image": "docker.io/prom/alertmanager:v0.27.0",
                "ports": ["127.0.0.1:9093:9093"],
                "volumes": ["./alertmanager:/etc/alertmanager:ro"],
                "restart": "unless-stopped",
            },
            "grafana": {
                "profiles": ["monitoring"],
                "image": "docker.io/grafana/grafana:11.4.0",
                "ports": ["127.0.0.1:3000:3000"],
                "volumes": [
                    "./grafana/provisioning:/etc/grafana/provisioning:ro",
                    "./grafana/boards:/var/lib/grafana/boards:ro",
                ],
                "restart": "unless-stopped",
            },
        },
        "volumes": {"redis": {}, "mongo": {}},
        "secrets": {"service_token": {"environment": "SERVICE_TOKEN"}},
    }


def _service(workload: Workload) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": f"tuco-jobs/{workload.service}:${{TUCO_TAG:-latest}}",
        "build": {
            "context": "..",
            "dockerfile": "deploy/image/Dockerfile",
            "args": {"SERVICE": workload.service},
        },
    }
    if workload.arguments:
        service["command"] = list(workload.arguments)
    service |= {
        "environment": {
            **shared_settings(),
            "SHUTDOWN_TIMEOUT_MS": str(int(workload.shutdown_timeout.total_seconds() * 1000)),
            **{name: _NAMES_IN_COMPOSE[name] for name in (*workload.secrets, *workload.optional_secrets)},
        },
        "depends_on": {name: {"condition": "service_healthy"} for name in ("redis", "mongo")},
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "stop_grace_period": f"{int(workload.grace.total_seconds())}s",
        "restart": "unless-stopped",
    }
    if workload is not GATEWAY:
        service["networks"] = {"default": {"aliases": [workload.each_process]}}
    if workload is GATEWAY:
        # Only this machine: on a laptop there is no TLS in front.
        service["ports"] = [f"127.0.0.1:{workload.port}:{workload.port}"]
    else:
        service["expose"] = [str(INTERNAL_PORT)]
    return service


def _check(test: list[str]) -> dict[str, Any]:
    return {"test": test, "interval": "5s", "timeout": "5s", "retries": 10, "start_period": "30s"}
