"""A plain HTTP client for one simulated line, and a receiver for its webhooks. Nothing of ours in between."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import msgspec

from libs.simulators.bluebubbles import Line

PATIENCE_S = 10.0


class LineClient:
    """Calls one line. Each call has its own connection, so that nothing is tried again behind the test's back."""

    def __init__(self, line: Line, *, timeout_s: float = 5.0) -> None:
        self.line = line
        self._http = httpx.Client(verify=False, timeout=timeout_s, limits=httpx.Limits(max_keepalive_connections=0))

    def call(self, method: str, path: str, *, body: object = None, **params: str) -> httpx.Response:
        query = {"password": self.line.password, **params}
        return self._http.request(method, f"{self.line.server_url}/api/v1/{path}", params=query, json=body)

    def get(self, path: str, **params: str) -> httpx.Response:
        return self.call("GET", path, **params)

    def post(self, path: str, body: object) -> httpx.Response:
        return self.call("POST", path, body=body)

    def availability(self, address: str) -> httpx.Response:
        return self.get("handle/availability/imessage", address=address)

    def send(self, address: str, text: str, temp_guid: str | None = None) -> httpx.Response:
        """Send to a chat that exists."""
        return self.post(
            "message/text",
            {
                "chatGuid": f"iMessage;-;{address}",
                "message": text,
                "tempGuid": temp_guid or str(uuid.uuid4()),
                "method": "private-api",
            },
        )

    def start_chat(self, address: str, text: str, temp_guid: str | None = None) -> httpx.Response:
        """Start a conversation."""
        return self.post(
            "chat/new",
            {
                "addresses": [address],
                "message": text,
                "method": "private-api",
                "service": "iMessage",
                "tempGuid": temp_guid or str(uuid.uuid4()),
            },
        )

    def query(self, **body: object) -> httpx.Response:
        return self.post("message/query", body)


class Hook:
    """A receiver of webhooks: its address, and what arrived."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[dict[str, Any]] = []
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
            self.send_response(204)
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
