"""Tracing with OpenTelemetry. Imported only where tracing is on: it needs the extra ``tracing``."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from libs.common.tracing.switch import Attribute, Kind

_KINDS: Final = {Kind.REQUEST: SpanKind.SERVER, Kind.JOB: SpanKind.CONSUMER, Kind.CALL: SpanKind.CLIENT}
_LONGEST_REASON: Final = 300


class OpenTelemetryTracing:
    """A :class:`libs.common.tracing.switch.Tracing`.

    Args:
        provider: takes the spans.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("tuco-jobs")
        self._w3c = TraceContextTextMapPropagator()

    def carried(self) -> dict[str, str]:
        """See :class:`~libs.common.tracing.switch.Tracing`."""
        headers: dict[str, str] = {}
        self._w3c.inject(headers)
        return headers

    def here(self) -> object:
        """See :class:`~libs.common.tracing.switch.Tracing`."""
        return context.get_current()

    @contextmanager
    def resumed(self, context_there: object) -> Iterator[None]:
        """See :class:`~libs.common.tracing.switch.Tracing`."""
        if not isinstance(context_there, context.Context):
            raise TypeError("expected what here() answered")
        token = context.attach(context_there)
        try:
            yield
        finally:
            context.detach(token)

    def trace_id(self) -> str:
        """See :class:`~libs.common.tracing.switch.Tracing`."""
        span = trace.get_current_span().get_span_context()
        return trace.format_trace_id(span.trace_id) if span.is_valid else ""

    def begin(
        self, name: str, kind: Kind, *, attributes: Mapping[str, Attribute], carried: Mapping[str, Any] | None = None
    ) -> "OpenTelemetryStep":
        """See :class:`~libs.common.tracing.switch.Tracing`."""
        parent = None if carried is None else self._w3c.extract(carried, context=context.Context())
        span = self._tracer.start_span(name, parent, _KINDS[kind], attributes=attributes)
        return OpenTelemetryStep(span, context.attach(trace.set_span_in_context(span, parent)))

    @contextmanager
    def step(
        self, name: str, kind: Kind, *, attributes: Mapping[str, Attribute], carried: Mapping[str, Any] | None = None
    ) -> Iterator["OpenTelemetryStep"]:
        """See :class:`~libs.common.tracing.switch.Tracing`."""
        begun = self.begin(name, kind, attributes=attributes, carried=carried)
        try:
            yield begun
        except BaseException as error:
            begun.fail(type(error).__name__)
            raise
        finally:
            begun.end()


class OpenTelemetryStep:
    """A :class:`libs.common.tracing.switch.Step`.

    Args:
        span: the step as OpenTelemetry knows it.
        token: leads back to the context before it.
    """

    def __init__(self, span: Span, token: Token[context.Context]) -> None:
        self._span = span
        self._token = token

    def tell(self, attributes: Mapping[str, Attribute]) -> None:
        """See :class:`~libs.common.tracing.switch.Step`."""
        self._span.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        """See :class:`~libs.common.tracing.switch.Step`."""
        self._span.set_status(Status(StatusCode.ERROR, reason[:_LONGEST_REASON]))

    def end(self) -> None:
        """See :class:`~libs.common.tracing.switch.Step`."""
        context.detach(self._token)
        self._span.end()


def tracing_to(endpoint: str, *, service: str) -> OpenTelemetryTracing:
    """Tracing that sends what it sees, in batches and from a thread of its own, to an OTLP collector over HTTP.

    What is left is sent when the process ends. All else is chosen by OpenTelemetry's own variables, such as
    ``OTEL_EXPORTER_OTLP_HEADERS`` and ``OTEL_TRACES_SAMPLER``
    (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).

    Args:
        endpoint: the collector, without the path of the signal.
        service: the service's name.
    """
    resource = Resource.create(
        {
            "service.namespace": "tuco-jobs",
            "service.name": service,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        }
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    return OpenTelemetryTracing(provider)
