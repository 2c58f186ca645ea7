"""Each attempt of a job, and each child of it, is a step of the trace that the job carries."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode

from libs.common.broker.actors import JobContext, WaitForChildren
from libs.common.broker.enqueue import job_from
from libs.common.errors import Retryable
from libs.common.ids import new_job_id
from libs.common.logging import get_logger, set_up_logging
from libs.common.settings import Settings
from libs.common.tracing import switch
from libs.common.tracing.spans import OpenTelemetryTracing
from libs.common.worker.command import trace_jobs_of
from tests.integration.worker.conftest import Note, Shop
from tests.waiting import wait_until


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Tracing is on; what it sees."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(switch, "tracing", OpenTelemetryTracing(provider))
    return exporter


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Logging as in a process that traces."""
    before, level = list(logging.getLogger().handlers), logging.getLogger().level
    stream = io.StringIO()
    set_up_logging(Settings(log_format="json", otel_exporter_otlp_endpoint="http://unused"), service="t", stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers, logging.getLogger().level = before, level


def steps(seen: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in seen.get_finished_spans() if span.name == name]


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def trace_of(span: ReadableSpan) -> int:
    return context_of(span).trace_id


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def test_a_retry_and_a_child_belong_to_the_trace_of_who_asked(
    shop: Shop, seen: InMemorySpanExporter, logged: io.StringIO
) -> None:
    async def child(_note: Note, _job: JobContext) -> None:
        get_logger("test").info("child.ran")

    def parent(_note: Note, job: JobContext) -> str:
        if job.attempt == 1:
            raise Retryable("not yet")
        return "done"

    async def grandparent(_note: Note, job: JobContext) -> None:
        if job.children is None:
            await job.add_children([job_from(small, Note(), job_id=new_job_id())])
            raise WaitForChildren

    small = shop.actor(child, name="child")
    retried = shop.actor(parent, name="retried")
    large = shop.actor(grandparent, name="large")
    trace_jobs_of(shop.broker)
    assert switch.tracing is not None
    with switch.tracing.step("POST /jobs", switch.Kind.REQUEST, attributes={}, carried={}):
        asked = switch.tracing.trace_id()
        ids = [shop.add(retried), shop.add(large)]
    shop.work()
    for job_id in ids:
        shop.wait_for(job_id, "completed")
    wait_until(lambda: len(steps(seen, "job large")) == 2, message="the second attempt of the parent has ended")

    [request] = steps(seen, "POST /jobs")
    ours = [*steps(seen, "job retried"), *steps(seen, "job large"), *steps(seen, "job child")]
    assert {f"{trace_of(span):032x}" for span in [request, *ours]} == {asked}
    first, second = steps(seen, "job retried")
    assert (first.attributes or {})["tuco.outcome"] == "retried"
    assert (first.status.status_code, first.status.description) == (StatusCode.ERROR, "Retryable: not yet")
    assert ((second.attributes or {})["tuco.attempt"], (second.attributes or {})["tuco.outcome"]) == (2, "completed")
    assert parent_of(first) == parent_of(second) == context_of(request).span_id
    [of_child] = steps(seen, "job child")
    assert parent_of(of_child) == context_of(steps(seen, "job large")[0]).span_id
    said = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["trace_id"] for line in said if line["event"] == "child.ran"] == [asked]


def test_a_job_of_nobody_begins_a_trace_of_its_own(shop: Shop, seen: InMemorySpanExporter) -> None:
    contract = shop.actor(lambda _note, _job: None, name="tick")
    trace_jobs_of(shop.broker)
    shop.work()
    for _ in range(2):
        shop.wait_for(shop.add(contract), "completed")
    one, other = wait_until(lambda: steps(seen, "job tick")[1:] and steps(seen, "job tick"), message="both were seen")
    assert (one.parent, other.parent) == (None, None)
    assert trace_of(one) != trace_of(other)


def test_what_is_said_outside_a_job_names_no_trace(seen: InMemorySpanExporter, logged: io.StringIO) -> None:
    get_logger("test").info("worker.started")
    assert "trace_id" not in json.loads(logged.getvalue())
