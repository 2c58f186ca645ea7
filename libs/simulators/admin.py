"""The part of the admin API that all provider simulators share: counts, calls and faults over HTTP.

It lies under ``/__admin`` at an address of its own, so that it can be reached while a line is down, and is no part of
any provider's protocol. Bodies and answers are JSON; a wrong one is answered 400 ``{"error": "..."}``.

========  =====================  ==============================================================================
GET       ``/__admin/``          where the simulator listens (what the process printed at its start)
GET       ``/__admin/counts``    calls in total, by target and endpoint, and at most under way at once
GET       ``/__admin/keys``      ``endpoint=``: how often each key (address, ...) was asked; ``repeated=1``: only
                                 those asked more than once; ``answered=1``: count answers with status 200 only
GET       ``/__admin/calls``     the calls, filtered by ``target=``, ``endpoint=``, ``key=``, ``reference=``;
                                 the last ``limit=`` (default 1,000) of them
DELETE    ``/__admin/calls``     forget calls and counts
GET       ``/__admin/faults``    the faults asked for, how often each was met, how many are left
POST      ``/__admin/faults``    a :class:`libs.simulators.faults.Fault`
DELETE    ``/__admin/faults``    end them all, or those of one ``target=``
========  =====================  ==============================================================================
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
from aiohttp import web

from libs.simulators.answers import encoded_answer
from libs.simulators.calls import CallLog
from libs.simulators.faults import Fault, FaultPlan

SHOWN_CALLS = 1_000


class Duration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of calls that take a time: in seconds."""

    seconds: float = 0.0


class Inbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"sender": "from"}):
    """The body of calls that let a message arrive."""

    sender: str
    text: str


class Administered(Protocol):
    """What the shared admin routes need of a simulator."""

    @property
    def calls(self) -> CallLog:
        """The log of calls."""

    @property
    def faults(self) -> FaultPlan:
        """The faults in force."""

    def describe(self) -> Mapping[str, object]:
        """Where the simulator listens."""

    async def apply_fault(self, wish: Fault) -> None:
        """Put a fault in force. Raises ValueError when it is unknown."""

    async def end_faults(self, target: str | None) -> None:
        """End the faults of one target, or of all."""


def add_shared_routes(app: web.Application, simulator: Administered) -> None:
    """Add the shared routes to a simulator's admin application."""
    routes = _SharedRoutes(simulator)
    app.middlewares.append(_errors_as_json)
    app.router.add_get("/__admin/", routes.describe)
    app.router.add_get("/__admin/counts", routes.counts)
    app.router.add_get("/__admin/keys", routes.keys)
    app.router.add_get("/__admin/calls", routes.calls)
    app.router.add_delete("/__admin/calls", routes.forget_calls)
    app.router.add_get("/__admin/faults", routes.faults)
    app.router.add_post("/__admin/faults", routes.add_fault)
    app.router.add_delete("/__admin/faults", routes.end_faults)


def flag(request: web.Request, name: str) -> bool:
    """Whether a query parameter is set to something true."""
    return request.query.get(name, "").lower() in {"1", "true", "yes"}


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ValueError, KeyError, msgspec.ValidationError, msgspec.DecodeError) as error:
        return encoded_answer({"error": str(error.args[0]) if error.args else str(error)}, 400)


class _SharedRoutes:
    def __init__(self, simulator: Administered) -> None:
        self._simulator = simulator

    async def describe(self, request: web.Request) -> web.Response:
        del request
        return encoded_answer(self._simulator.describe())

    async def counts(self, request: web.Request) -> web.Response:
        del request
        calls = self._simulator.calls
        per_target = calls.per_endpoint()
        return encoded_answer(
            {
                "total": calls.total(),
                "targets": {
                    target: {
                        "total": sum(endpoints.values()),
                        "endpoints": endpoints,
                        "inFlight": calls.in_flight(target),
                        "mostInFlight": calls.most_in_flight(target),
                        "mostPerSecond": calls.most_per_second(target),
                    }
                    for target, endpoints in per_target.items()
                },
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        endpoint = request.query.get("endpoint")
        if not endpoint:
            raise ValueError("Say which endpoint's keys: ?endpoint=...")
        calls = self._simulator.calls
        read = calls.repeated if flag(request, "repeated") else calls.per_key
        keys = read(endpoint, answered=flag(request, "answered"))
        return encoded_answer({"distinct": len(keys), "keys": keys})

    async def calls(self, request: web.Request) -> web.Response:
        query = request.query
        found = self._simulator.calls.select(
            target=query.get("target"),
            endpoint=query.get("endpoint"),
            key=query.get("key"),
            reference=query.get("reference"),
        )
        return encoded_answer({"total": len(found), "calls": found[-int(query.get("limit", SHOWN_CALLS)) :]})

    async def forget_calls(self, request: web.Request) -> web.Response:
        del request
        self._simulator.calls.clear()
        return encoded_answer({})

    async def faults(self, request: web.Request) -> web.Response:
        del request
        return encoded_answer({"faults": self._simulator.faults.planned()})

    async def add_fault(self, request: web.Request) -> web.Response:
        await self._simulator.apply_fault(msgspec.json.decode(await request.read(), type=Fault))
        return encoded_answer({}, 201)

    async def end_faults(self, request: web.Request) -> web.Response:
        await self._simulator.end_faults(request.query.get("target"))
        return encoded_answer({})
