"""A worker's own HTTP port: health, readiness, metrics, and runs that are answered at once.

- ``GET /healthz``: 200 while the worker's threads and its event loop live; no dependency matters.
- ``GET /readyz``: 200 while it can do its work, else 503 with what is missing.
- ``GET /metrics``: this process's Prometheus metrics.
- ``POST /run``: ``{"jobType", "jobId", "data"}`` with ``Authorization: Bearer SERVICE_TOKEN``; runs it now and answers
  ``{"result"}``. The gateway uses it for what is answered in the request, and while Redis is away.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from libs.common.errors import InvalidInput, NotNow, StoreUnavailable, TucoError
from libs.common.logging import get_logger
from libs.common.tracing import switch

log = get_logger(__name__)

DirectHandler = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Runs a payload at once, given the job's id and the payload as it came over the wire; answers what can be JSON."""

MAX_RUN_BYTES = 1024 * 1024


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What ``POST /run`` is asked."""

    job_type: str
    job_id: str
    data: dict[str, Any]


class InternalServer:
    """The port, on the worker's event loop.

    Args:
        alive: whether the process works at all.
        ready: what is missing for its work; empty where nothing is.
        tokens: who may ask for runs; none where runs are not offered.
        direct: what can be run at once, by job type.
        registry: the metrics to show.
    """

    def __init__(
        self,
        *,
        alive: Callable[[], bool],
        ready: Callable[[], Sequence[str]],
        tokens: Sequence[str] = (),
        direct: Mapping[str, DirectHandler] | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._alive = alive
        self._ready = ready
        self._tokens = tuple(tokens)
        self._direct = dict(direct or {})
        self._registry = registry
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> int:
        """Listens; answers the port.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application(client_max_size=MAX_RUN_BYTES)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.post("/run", self._run),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self.port

    async def stop(self) -> None:
        """Stops listening; answers under way are finished."""
        if self._runner:
            await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        alive = self._alive()
        return web.json_response({"status": "ok" if alive else "dead"}, status=200 if alive else 503)

    async def _readyz(self, _request: web.Request) -> web.Response:
        missing = await asyncio.to_thread(self._ready)
        status = 503 if missing else 200
        return web.json_response(
            {"status": "unavailable" if missing else "ok", "missing": list(missing)}, status=status
        )

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = await asyncio.to_thread(generate_latest, self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _run(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return _problem(401, "Unauthorized", "a valid SERVICE_TOKEN is required")
        try:
            asked = msgspec.json.decode(await request.read(), type=RunRequest)
        except msgspec.DecodeError as error:
            return _problem(400, "Bad Request", str(error))
        handler = self._direct.get(asked.job_type)
        if handler is None:
            offered = ", ".join(sorted(self._direct)) or "none"
            return _problem(404, "Not Found", f"{asked.job_type!r} is not run here; these are: {offered}")
        try:
            result = await _run_traced(handler, asked, request.headers)
        except InvalidInput as error:
            return _problem(422, "Unprocessable Content", str(error))
        except NotNow as error:
            return _problem(409, "Conflict", str(error))
        except StoreUnavailable as error:
            return _problem(503, "Service Unavailable", str(error))
        except TucoError as error:
            return _problem(502, "Bad Gateway", str(error))
        return web.Response(body=msgspec.json.encode({"result": result}), content_type="application/json")

    def _allowed(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        return sum(hmac.compare_digest(given, token.encode()) for token in self._tokens) > 0


async def _run_traced(handler: DirectHandler, asked: RunRequest, headers: Mapping[str, str]) -> Any:
    if switch.tracing is None:
        return await handler(asked.job_id, asked.data)
    known: dict[str, switch.Attribute] = {"messaging.message.id": asked.job_id, "tuco.job_type": asked.job_type}
    carried = {"traceparent": headers.get("traceparent", "")}
    with switch.tracing.step(f"run {asked.job_type}", switch.Kind.REQUEST, attributes=known, carried=carried):
        return await handler(asked.job_id, asked.data)


def _problem(status: int, title: str, detail: str) -> web.Response:
    body = msgspec.json.encode({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return web.Response(status=status, body=body, content_type="application/problem+json")
