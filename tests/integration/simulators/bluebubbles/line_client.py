"""A plain HTTP client for one simulated line. Nothing of ours in between."""

import uuid

import httpx

from libs.simulators.bluebubbles import Line


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
