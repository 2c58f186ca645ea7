"""A gateway as a process of its own, on real servers."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.waiting import wait_until

SERVICE_TOKEN = "service-token-for-tests"
ADMIN_TOKEN = "admin-token-for-tests"


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway process and a client with the service token."""

    process: "subprocess.Popen[bytes]"
    url: str
    client: httpx.Client

    def as_admin(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {ADMIN_TOKEN}"}


@contextlib.contextmanager
def running_gateway(**environment: str) -> Iterator[RunningGateway]:
    """Starts a gateway; the keyword arguments are environment variables."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    values = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "GATEWAY_HOST": "127.0.0.1",
        "SERVICE_TOKEN": SERVICE_TOKEN,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "AVAILABILITY_URL": "http://127.0.0.1:9",
        "RECONCILE_INTERVAL_MS": "500",
        "RECONCILE_AFTER_MS": "1000",
        "LOG_LEVEL": "warning",
        **environment,
    }
    process = subprocess.Popen([sys.executable, "-m", "services.gateway"], env=values)
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {SERVICE_TOKEN}"},
        timeout=30,
        trust_env=False,
    )
    try:
        wait_until(lambda: _serves(process, client), deadline_s=20, message="the gateway serves")
        yield RunningGateway(process=process, url=str(client.base_url), client=client)
    finally:
        client.close()
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def gateway(redis_url: str, mongo_uri: str) -> Iterator[RunningGateway]:
    with running_gateway(REDIS_URL=redis_url, MONGODB_URI=mongo_uri) as running:
        running.client.post("/api/bullmq/initialize", headers=running.as_admin()).raise_for_status()
        yield running


def _serves(process: "subprocess.Popen[bytes]", client: httpx.Client) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the gateway ended with {process.returncode}")
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
