"""One trace from the app's request through gateway, queue and worker to the provider's call, told by the processes."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.database import Database

from libs.cli.supervisor import Supervisor, python_module
from libs.common.stores.mongo import Document
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.end_to_end.gateway.conftest import RunningGateway, running_gateway
from tests.end_to_end.tracing.collector import Collector, running_collector
from tests.integration.availability.workshop import ENDPOINT, WORKSPACE, Workshop, new_settings
from tests.waiting import wait_until

ASKED_BY = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{ASKED_BY}-00f067aa0ba902b7-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    with running_bluebubbles(lines=1, seed=7) as running:
        yield running


@pytest.fixture
def workshop(
    redis_url: str, mongo_uri: str, mongo_database: Database[Document], simulator: BlueBubblesSimulator
) -> Iterator[Workshop]:
    opened = Workshop(new_settings(redis_url, mongo_uri), mongo_database)
    opened.add_lines(simulator)
    yield opened
    opened.close()


@pytest.fixture
def said() -> list[str]:
    """What the worker logs."""
    return []


@pytest.fixture
def gateway(workshop: Workshop, collector: Collector, said: list[str], tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway and an availability worker that trace, on an installation that is set up."""
    settings = workshop.settings
    environ = {
        "REDIS_URL": settings.redis_url.reveal(),
        "MONGODB_URI": settings.mongodb_uri.reveal(),
        "CREDENTIALS_KEY": settings.credentials_key.reveal(),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    worker = {**os.environ, **environ, "LOG_FORMAT": "json", "AVAILABILITY_CHUNK_SIZE": "6"}
    with (
        running_gateway(**environ) as gateway,
        Supervisor(on_line=lambda _name, line: said.append(line)) as supervisor,
    ):
        gateway.client.post("/api/bullmq/initialize", headers=gateway.as_admin()).raise_for_status()
        command = python_module("worker", "services.availability", "--queue", "bulk-availability", environ=worker)
        supervisor.start(command)
        yield gateway


def test_a_run_is_one_trace_from_request_to_provider_through_a_retry_and_its_chunks(
    workshop: Workshop, simulator: BlueBubblesSimulator, gateway: RunningGateway, collector: Collector, said: list[str]
) -> None:
    lead_ids = workshop.add_leads([(f"+1646{2000000 + n}", None) for n in range(12)])
    simulator.set_fault(line=1, endpoint=ENDPOINT, fault="http_502", count=1)
    data = {"leadIds": lead_ids, "userId": "u", "workspaceId": WORKSPACE}
    asked = {"jobType": "bulk-availability-check", "data": data}
    answer = gateway.client.post("/api/bullmq/jobs", json=asked, headers={"traceparent": TRACEPARENT})
    assert answer.status_code == 202
    assert workshop.finish(answer.json()["jobId"]).state == "completed"
    wait_until(lambda: len(collector.named("job bulk-availability-check")) == 2, message="both halves were told")

    spans = {span.span_id: span for span in collector.spans if span.trace_id == ASKED_BY}
    [request] = [span for span in spans.values() if span.name == "POST /api/bullmq/jobs"]
    assert request.service == "gateway"
    split, _summed_up = collector.named("job bulk-availability-check")
    assert (split.service, spans[split.parent_id]) == ("availability", request)
    chunks = collector.named("job availability-chunk")
    assert sorted(span.attributes["tuco.outcome"] for span in chunks) == ["completed", "completed", "retried"]
    assert {span.parent_id for span in chunks} == {split.span_id}
    calls = collector.named("GET bluebubbles")
    assert len(calls) == 13
    assert {spans[call.parent_id].name for call in calls} == {"job availability-chunk"}
    [lost] = [call for call in calls if call.failed]
    assert lost.attributes["http.response.status_code"] == "502"
    assert spans[lost.parent_id].attributes["tuco.outcome"] == "retried"
    assert simulator.lines[0].password not in str(collector.spans)
    assert "+1646" not in str(collector.spans)
    [split_said] = [line for line in said if "run.split" in line]
    assert re.search(f'"trace_id": ?"{ASKED_BY}"', split_said)
