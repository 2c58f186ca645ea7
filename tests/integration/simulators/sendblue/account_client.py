"""A plain HTTP client for the simulated account. Nothing of ours in between."""

from typing import Any

import httpx

from libs.simulators.sendblue import SendblueSimulator


class AccountClient:
    """Calls the account. Each call has its own connection, so that nothing is tried again behind the test's back."""

    def __init__(self, simulator: SendblueSimulator, *, timeout_s: float = 5.0) -> None:
        self.simulator = simulator
        self._http = httpx.Client(
            base_url=f"{simulator.server_url}/api",
            headers=simulator.headers,
            verify=False,
            timeout=timeout_s,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def call(self, method: str, path: str, *, body: object = None, **params: str) -> httpx.Response:
        return self._http.request(method, path, params=params, json=body)

    def get(self, path: str, **params: str) -> httpx.Response:
        return self.call("GET", path, **params)

    def post(self, path: str, body: object) -> httpx.Response:
        return self.call("POST", path, body=body)

    def send(self, number: str, content: str, *, line: int = 1, **more: str) -> httpx.Response:
        sender = self.simulator.line(line).phone
        return self.post("send-message", {"number": number, "from_number": sender, "content": content, **more})

    def status(self, handle: str) -> Any:
        return self.get("status", handle=handle).json()["status"]

    def listed(self, **params: str) -> Any:
        response = self.get("v2/messages", **params)
        assert response.status_code == 200
        return response.json()["data"]
