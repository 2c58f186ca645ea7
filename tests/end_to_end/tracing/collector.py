"""An OpenTelemetry collector for tests: takes OTLP over HTTP, decodes it, and remembers each span."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class SpanSeen:
    """A span as it came over the wire.

    Args:
        service: who made it.
        name: what it is.
        trace_id: of its trace, as hexadecimal digits.
        span_id: its own.
        parent_id: of what it belongs to; empty for none.
        attributes: what is known of it, as text.
        failed: whether it is marked as gone wrong.
    """

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]
    failed: bool


@dataclass(slots=True)
class Collector:
    """What has come so far.

    Args:
        url: where it listens.
        spans: in the order in which they came.
    """

    url: str
    spans: list[SpanSeen] = field(default_factory=list)

    def named(self, name: str) -> list[SpanSeen]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    def take(self, body: bytes) -> None:
        """Remembers what one call brought."""
        message = ExportTraceServiceRequest.FromString(body)
        for of_resource in message.resource_spans:
            [service] = [
                pair.value.string_value for pair in of_resource.resource.attributes if pair.key == "service.name"
            ]
            for scope in of_resource.scope_spans:
                self.spans.extend(
                    SpanSeen(
                        service=service,
                        name=span.name,
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        attributes={
                            pair.key: str(getattr(pair.value, pair.value.WhichOneof("value") or "string_value"))
                            for pair in span.attributes
                        },
                        failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    )
                    for span in scope.spans
                )


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector on a free port."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            collector.take(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
