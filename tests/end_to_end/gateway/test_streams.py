"""Streams of a gateway process: live, resumed, and ended by SIGTERM."""

import json
import time

import httpx

from tests.end_to_end.gateway.conftest import RunningGateway

SYNC = {"jobType": "integration-sync", "data": {"integrationId": "0" * 24, "workspaceId": "w1"}}


def test_a_stream_tells_of_a_job_goes_on_where_it_was_cut_and_ends_with_the_process(gateway: RunningGateway) -> None:
    with gateway.client.stream("GET", "/api/bullmq/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        job_id = gateway.client.post("/api/bullmq/jobs", json=SYNC).json()["jobId"]
        place = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
        assert job_id in json.loads(next(lines).removeprefix("data: "))["jobIds"]

    queue = "/api/bullmq/queues/integration-sync"
    gateway.client.post(f"{queue}/pause", headers=gateway.as_admin()).raise_for_status()
    with gateway.client.stream("GET", "/api/bullmq/events", headers={"Last-Event-ID": place}) as stream:
        lines = stream.iter_lines()
        assert json.loads(next(line for line in lines if line.startswith("data: "))[6:])["event"] == "paused"

        started = time.monotonic()
        gateway.process.terminate()
        assert list(lines) is not None
        gateway.process.wait(timeout=10)
        assert time.monotonic() - started < 5


def test_a_job_is_followed_to_its_end(gateway: RunningGateway) -> None:
    job_id = gateway.client.post("/api/bullmq/jobs", json=SYNC).json()["jobId"]

    with gateway.client.stream("GET", f"/api/bullmq/jobs/{job_id}/events", timeout=httpx.Timeout(10)) as stream:
        states = []
        for line in stream.iter_lines():
            if line.startswith("data: {") and len(line) > 10:
                states.append(json.loads(line[6:])["state"])
                if len(states) == 1:
                    gateway.client.delete(f"/api/bullmq/jobs/{job_id}", headers=gateway.as_admin()).raise_for_status()

    assert (states[0], states[-1]) == ("waiting", "cancelled")
