"""A service's own HTTP port, played by the test."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Stub:
    """What the service answers, and what it was asked.

    Args:
        answer: called with method and path; answers status and body.
        chunk_pause_s: seconds between the halves of every body.
    """

    answer: Callable[[str, str], tuple[int, bytes]] = lambda _method, _path: (200, b"{}")
    chunk_pause_s: float = 0.0
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    def says(self, status: int, body: Any) -> None:
        """Answers everything with this."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answer = lambda _method, _path: (status, content)


@contextmanager
def running_stub() -> Iterator[Stub]:
    """A stub on a free port."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            stub.asked.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
            status, content = stub.answer(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            half = len(content) // 2
            self.wfile.write(content[:half])
            self.wfile.flush()
            time.sleep(stub.chunk_pause_s)
            self.wfile.write(content[half:])

        do_GET = do_POST = handle_any  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hang up are expected
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
