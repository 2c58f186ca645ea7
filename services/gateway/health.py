"""How the gateway, its stores and each service are."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec
import pymongo
from pymongo.database import Database
from redis import Redis

from libs.common.broker.connection import redis_errors
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from libs.common.stores.mongo import Document, mongo_errors
from services.gateway.side_by_side import SideBySide
from services.gateway.targets import Target, TargetClient, TargetFailed

log = get_logger(__name__)

Probe = Callable[[], None]
"""Returns if a part is well and raises if it is not."""

_REUSED_FOR_S = 1.0


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How one part is: ``up`` or ``down``, after how long it answered, and what is wrong with it."""

    status: str
    latency_ms: float | None = None
    reason: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How everything is: ``ok`` where each part is up, else ``unavailable``; who may know is told of each part.

    Of readiness: ``degraded`` where the gateway can accept jobs but not enqueue them.
    """

    status: str
    parts: Mapping[str, Part] = {}

    @property
    def is_well(self) -> bool:
        """Whether every part is up."""
        return self.status == "ok"


class HealthCheck:
    """Asks all parts side by side.

    Args:
        probes: the parts by their names.
        side_by_side: asks them, up to its deadline.
        further: the parts that come and go, found each time.
    """

    def __init__(
        self,
        probes: Mapping[str, Probe],
        side_by_side: SideBySide,
        *,
        further: Callable[[], Mapping[str, Probe]] = dict,
    ) -> None:
        self._probes = probes
        self._further = further
        self._side_by_side = side_by_side
        self._lock = threading.Lock()
        self._last: tuple[float, Health] | None = None

    def run(self) -> Health:
        """How everything is now; an answer is reused for a second, so that asking often costs nothing."""
        with self._lock:
            if self._last is not None and time.monotonic() - self._last[0] < _REUSED_FOR_S:
                return self._last[1]
            health = self._ask()
            self._last = (time.monotonic(), health)
            return health

    def _ask(self) -> Health:
        probes = {**self._probes, **self._further()}
        answers = self._side_by_side.ask({name: _timed(probe) for name, probe in probes.items()})
        parts = {"gateway": Part(status="up")} | {name: _part(name, answer) for name, answer in answers.items()}
        well = all(part.status == "up" for part in parts.values())
        return Health(status="ok" if well else "unavailable", parts=parts)


class Readiness:
    """Whether this gateway should be given requests.

    It should while MongoDB answers: then the ledger accepts jobs. Without Redis they wait there, and what cannot wait
    is run at once: degraded, but as good as any other gateway could do.

    Args:
        stores: looks at the parts ``mongodb`` and ``redis``.
    """

    def __init__(self, stores: HealthCheck) -> None:
        self._stores = stores

    def now(self) -> Health:
        """``ok``, ``degraded`` (Redis is away) or ``unavailable`` (MongoDB is)."""
        health = self._stores.run()
        if health.is_well:
            return Health(status="ok")
        return Health(status="degraded" if health.parts["mongodb"].status == "up" else "unavailable")


def redis_probe(redis: "Redis") -> Probe:
    """Whether Redis answers."""

    def probe() -> None:
        with redis_errors():
            redis.ping()

    return probe


def mongodb_probe(database: Database[Document], *, deadline: timedelta) -> Probe:
    """Whether MongoDB has a primary that answers."""

    def probe() -> None:
        with mongo_errors(), pymongo.timeout(deadline.total_seconds()):
            database.command("ping")

    return probe


def service_probes(client: TargetClient, side_by_side: SideBySide) -> dict[str, Probe]:
    """Whether each service is ready for work; several processes of one service are told apart by their address.

    Args:
        client: knows and asks them.
        side_by_side: finds out how many they are, up to its deadline.
    """
    targets = client.find(side_by_side)
    services = [target.service for target in targets]

    def probe_of(target: Target) -> Probe:
        def probe() -> None:
            client.read(target, "/readyz")

        return probe

    return {
        target.service if services.count(target.service) == 1 else target.name: probe_of(target) for target in targets
    }


def _timed(probe: Probe) -> Callable[[], float]:
    def timed() -> float:
        started = time.perf_counter()
        probe()
        return (time.perf_counter() - started) * 1000

    return timed


def _part(name: str, answer: float | Exception) -> Part:
    match answer:
        case float():
            return Part(status="up", latency_ms=round(answer, 1))
        case StoreUnavailable():
            return Part(status="down", reason=answer.reason)
        case TargetFailed() | TimeoutError():
            return Part(status="down", reason=str(answer))
    log.error("health.probe_failed", part=name, exc_info=answer)
    return Part(status="down", reason=type(answer).__name__)
