"""A stand-in for the gateway: answers what a test tells it to, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    method: str
    path: str
    token: str
    body: Any


@dataclass
class StubGateway:
    """Answers by method and path; a list of answers is used up one by one, but for its last."""

    url: str = ""
    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, method: str, path: str, *bodies: Any, status: int = 200) -> None:
        """Answer ``method`` ``path`` (below the prefix) with these bodies in turn."""
        self.answers[method, f"/api/bullmq{path}"] = [(status, body) for body in bodies]

    def refuse(self, method: str, path: str, status: int, detail: str, **more: Any) -> None:
        """Answer with a problem document."""
        self.answer(method, path, {"title": "Problem", "status": status, "detail": detail, **more}, status=status)


@contextmanager
def stub_gateway() -> Iterator[StubGateway]:
    """A stub that listens for the length of a ``with`` block."""
    stub = StubGateway()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
            return None

        def _respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            stub.asked.append(Asked(method=self.command, path=self.path, token=token, body=body))
            planned = stub.answers.get((self.command, self.path), [(404, {"title": "Not Found", "status": 404})])
            status, answer = planned.pop(0) if len(planned) > 1 else planned[0]
            encoded = json.dumps(answer).encode()
            self.send_response(status)
            kind = "application/problem+json" if status >= 400 and "title" in answer else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = do_PUT = do_DELETE = _respond  # noqa: N815 - names that the base class looks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
