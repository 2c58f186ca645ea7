"""The gateway's REST API as the commands use it; every way in which a call can go wrong ends as a sentence."""

import ipaddress
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from libs.cli.failures import BadInput, CommandFailed, Failure, Unreachable
from libs.cli.output import plain
from libs.common.errors import TucoError

API = "/api/bullmq"

_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 5.0
_UNAVAILABLE = frozenset({429, 502, 503, 504})


class NoSuchJobError(TucoError):
    """The gateway knows no job of this id."""


class Gateway:
    """A client of one gateway.

    Args:
        url: where it serves, such as ``http://localhost:3001``.
        token: sent as the bearer token; none is sent where it is empty.
        token_story: which variable the token is and where it came from, for a person.
        transport: how requests travel; the network by default.

    Raises:
        BadInput: ``url`` is none.
    """

    def __init__(
        self, url: str, *, token: str = "", token_story: str = "", transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._token_story = token_story
        try:
            self._client = httpx.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
                # A proxy named in the environment is for the outside world and cannot reach this machine's own ports.
                trust_env=not _is_loopback(self.url),
                transport=transport,
            )
        except httpx.InvalidURL as error:
            raise BadInput(f"{self.url} is no address of a gateway: {error}.", "Correct BULLMQ_SERVER_URL.") from error

    def stats(self) -> dict[str, Any]:
        """``GET /stats``."""
        return self._object("GET", "/stats")

    def troubles(self) -> dict[str, Any]:
        """``GET /troubles``: what is wrong now, in words."""
        return self._object("GET", "/troubles")

    def initialize(self) -> dict[str, Any]:
        """``POST /initialize``."""
        return self._object("POST", "/initialize")

    def health(self) -> tuple[bool, dict[str, Any]]:
        """``GET /health``: whether all is well, and the parts."""
        response = self._send("GET", "/health")
        # A problem document has a status too: its number. It says that the gateway could not find out.
        if response.status_code == 503 and isinstance((body := _object_in(response) or {}).get("status"), str):
            return False, body
        return True, self._read_object(response)

    def enqueue(
        self,
        job_type: str,
        data: Mapping[str, Any],
        *,
        options: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """``POST /jobs``: the answer of a job that ran at once holds ``result``, of a queued one ``jobId``."""
        body = {"jobType": job_type, "data": data, **({"options": options} if options else {})}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._object("POST", "/jobs", json=body, headers=headers)

    def job(self, job_id: str) -> dict[str, Any]:
        """``GET /jobs/{id}``.

        Raises:
            NoSuchJobError: there is none.
        """
        response = self._send("GET", f"/jobs/{job_id}")
        if response.status_code == 404 and _object_in(response) is not None:
            raise NoSuchJobError
        return self._read_object(response)

    def explain(self, message_id: str) -> dict[str, Any]:
        """``GET /messages/{id}/explain``."""
        return self._object("GET", f"/messages/{_segment(message_id)}/explain")

    def uncertain(self, workspace_id: str | None) -> dict[str, Any]:
        """``GET /messages/uncertain``."""
        return self._object("GET", "/messages/uncertain", params={"workspaceId": workspace_id} if workspace_id else {})

    def resolve(self, message_id: str, resolution: str, *, by: str) -> dict[str, Any]:
        """``POST /messages/{id}/resolve``."""
        path = f"/messages/{_segment(message_id)}/resolve"
        return self._object("POST", path, json={"resolution": resolution, "by": by})

    def cancel_message(self, message_id: str) -> dict[str, Any]:
        """``POST /messages/{id}/cancel``."""
        return self._object("POST", f"/messages/{_segment(message_id)}/cancel", json={})

    def campaign(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """``GET /workspaces/{id}/campaigns/{id}``."""
        return self._object("GET", f"/workspaces/{_segment(workspace_id)}/campaigns/{_segment(campaign_id)}")

    def stops(self, workspace_id: str) -> dict[str, Any]:
        """``GET /stops``."""
        return self._object("GET", "/stops", params={"workspaceId": workspace_id})

    def stop(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /stops``."""
        return self._object("POST", "/stops", json=dict(order))

    def lift(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /stops/lift``."""
        return self._object("POST", "/stops/lift", json=dict(order))

    def add_integration(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /integrations``."""
        return self._object("POST", "/integrations", json=dict(order))

    def check_integration(self, integration_id: str) -> dict[str, Any]:
        """``POST /integrations/{id}/check``."""
        return self._object("POST", f"/integrations/{_segment(integration_id)}/check")

    def remove_integration(self, integration_id: str) -> dict[str, Any]:
        """``DELETE /integrations/{id}``."""
        return self._object("DELETE", f"/integrations/{_segment(integration_id)}")

    def runs(self, integration_id: str, *, limit: int) -> dict[str, Any]:
        """``GET /integrations/{id}/runs``: the latest ones."""
        return self._object("GET", f"/integrations/{_segment(integration_id)}/runs", params={"limit": limit})

    def begin_run(self, integration_id: str, mode: str) -> dict[str, Any]:
        """``POST /integrations/{id}/runs``."""
        return self._object("POST", f"/integrations/{_segment(integration_id)}/runs", json={"mode": mode})

    def run_errors(self, run_id: str, *, limit: int) -> dict[str, Any]:
        """``GET /sync-runs/{id}/errors``: the first refused rows and fields."""
        return self._object("GET", f"/sync-runs/{_segment(run_id)}/errors", params={"limit": limit})

    def schedules(self) -> dict[str, Any]:
        """``GET /schedules``."""
        return self._object("GET", "/schedules")

    def ticks(self, name: str) -> dict[str, Any]:
        """``GET /schedules/{name}/ticks``."""
        return self._object("GET", f"/schedules/{_segment(name)}/ticks")

    def put_schedule(self, name: str, order: Mapping[str, Any]) -> dict[str, Any]:
        """``PUT /schedules/{name}``."""
        return self._object("PUT", f"/schedules/{_segment(name)}", json=dict(order))

    def run_schedule(self, name: str) -> dict[str, Any]:
        """``POST /schedules/{name}/run``."""
        return self._object("POST", f"/schedules/{_segment(name)}/run")

    def act_on_jobs(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /jobs/actions``: what would be done, or the job that does it."""
        return self._object("POST", "/jobs/actions", json=dict(order))

    def browse(self, queue: str, **asked: str | int | None) -> dict[str, Any]:
        """``GET /queues/{q}/jobs``: a page of the jobs in a state."""
        given = {name: value for name, value in asked.items() if value not in (None, "")}
        return self._object("GET", f"/queues/{_segment(queue)}/jobs", params=given)

    def pause(self, queue: str, *, paused: bool) -> dict[str, Any]:
        """``POST /queues/{q}/pause`` or ``/resume``."""
        return self._object("POST", f"/queues/{_segment(queue)}/{'pause' if paused else 'resume'}")

    def retry_dead(self, queue: str, **which: str | int | None) -> dict[str, Any]:
        """``POST /queues/{q}/dead/retry``."""
        given = {name: value for name, value in which.items() if value not in (None, "")}
        return self._object("POST", f"/queues/{_segment(queue)}/dead/retry", params=given)

    def remove_dead(self, queue: str, **which: str | int | None) -> dict[str, Any]:
        """``DELETE /queues/{q}/dead``."""
        given = {name: value for name, value in which.items() if value not in (None, "")}
        return self._object("DELETE", f"/queues/{_segment(queue)}/dead", params=given)

    def decide(self, job_id: str, decision: str) -> dict[str, Any]:
        """``DELETE /jobs/{id}`` where ``decision`` is empty, else ``POST /jobs/{id}/{decision}``."""
        path = f"/jobs/{_segment(job_id)}"
        return self._object("POST", f"{path}/{decision}") if decision else self._object("DELETE", path)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _object(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        return self._read_object(self._send(method, path, **how))

    def _send(self, method: str, path: str, **how: Any) -> httpx.Response:
        try:
            return self._client.request(method, f"{API}{path}", **how)
        except httpx.TimeoutException as error:
            raise Unreachable(
                f"The gateway at {self.url} did not answer within {_TIMEOUT_S:g} seconds.",
                "Try again, or look at its log.",
            ) from error
        except httpx.TransportError as error:
            raise Unreachable(
                f"Nothing answers at {self.url}: {_cause(error)}.",
                "Start it with `make dev`, or set BULLMQ_SERVER_URL to where the gateway runs.",
            ) from error

    def _read_object(self, response: httpx.Response) -> dict[str, Any]:
        if not response.is_success:
            raise self._refusal(response)
        body = _object_in(response)
        if body is None:
            raise self._stranger(response)
        return body

    def _refusal(self, response: httpx.Response) -> Failure:
        problem = _problem(response)
        if problem is None:
            return self._stranger(response)
        if response.status_code in {401, 403}:
            return BadInput(
                f"The gateway at {self.url} refused the token: {problem}", f"The token is {self._token_story}."
            )
        if response.status_code in _UNAVAILABLE:
            after = response.headers.get("Retry-After")
            return Unreachable(
                f"The gateway at {self.url} cannot serve now: {problem}",
                f"It asks to try again in {plain(after)} seconds." if after else "Try again in a moment.",
            )
        if response.status_code >= 500:
            return CommandFailed(
                f"The gateway failed ({response.status_code}): {problem}",
                "Its log says why; tuco-jobs health may help.",
            )
        return BadInput(problem)

    def _stranger(self, response: httpx.Response) -> Failure:
        kind = plain(response.headers.get("Content-Type", "no content type"), longest=60)
        return Unreachable(
            f"What answers at {self.url} is not the Tuco Jobs gateway (HTTP {response.status_code}, {kind}).",
            "Set BULLMQ_SERVER_URL to where the gateway runs, or start one with `make dev`.",
        )


def _segment(text: str) -> str:
    """A text as one segment of a path, whatever is in it."""
    return quote(text, safe="")


def _problem(response: httpx.Response) -> str | None:
    """What a problem document (RFC 9457) says, for a person; None where the answer is none."""
    body = _object_in(response)
    if body is None:
        return None
    said = body.get("detail") or body.get("title") or body.get("message") or body.get("error")
    words = [plain(said)] if said else []
    errors = body.get("errors")
    for error in errors[:20] if isinstance(errors, list) else []:
        if isinstance(error, dict):
            text = f"{error.get('field', error.get('pointer', ''))}: {error.get('problem', error.get('detail', ''))}"
            if not any(text in word for word in words):
                words.append(plain(text))
    return "; ".join(words) or f"HTTP {response.status_code}"


def _object_in(response: httpx.Response) -> dict[str, Any] | None:
    """The JSON object that an answer is; None where it is something else."""
    kind = response.headers.get("Content-Type", "").split(";")[0].strip()
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _cause(error: httpx.TransportError) -> str:
    """A connection's error for a person, without the number that the operating system gives it."""
    return re.sub(r"^\[Errno -?\d+\] ", "", plain(error, longest=200)).lower().rstrip(".") or type(error).__name__


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
