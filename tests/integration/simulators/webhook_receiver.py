"""A receiver of webhooks, and waiting for what happens on its own."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

PATIENCE_S = 10.0


class Hook:
    """A receiver of webhooks: its address, what arrived, and the status that it answers with."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[dict[str, Any]] = []
        self.answer = 204
        self.headers: list[dict[str, str]] = []

    def of(self, event: str) -> list[dict[str, Any]]:
        """The data of all events of a type."""
        return [body["data"] for body in self.received if body["type"] == event]


@contextlib.contextmanager
def hook() -> Iterator[Hook]:
    """Receive webhooks for the length of a ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.headers.append(dict(self.headers.items()))
            receiver.received.append(msgspec.json.decode(body))
            self.send_response(receiver.answer)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Hook(f"http://127.0.0.1:{server.server_address[1]}/hook?secret=1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds, and fail if it does not in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.005)
