"""A whole installation that a fault is let loose on: own stores, simulated lines, every process that the work needs."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
import redis
from pymongo.database import Database

from libs.cli.services import BULK_AVAILABILITY, GATEWAY, Service
from libs.cli.simulators import Simulator, SimulatorSettings
from libs.cli.stack import Plan, Stack
from libs.cli.state_folder import new_secrets
from libs.cli.supervisor import RestartPause, SupervisedProcess, Supervisor
from libs.common.settings import Settings
from libs.common.stores.collections import LINES
from libs.common.stores.mongo import Document
from libs.embedded import MongoServer, RedisServer, ports

WORKSPACE = "chaos"
LEASE_S = 3.0

MESSAGING = "messaging"
DUE = "due"
SCHEDULER = "scheduler"
AVAILABILITY = BULK_AVAILABILITY.name

_HEALTH_S = 90.0
_LAST_LINES = 15
_ROOT = Path(__file__).parents[2]
_AT_START = _ROOT / "tests" / "chaos" / "unguarded" / "at_start"
_ATTEMPTS = 3
_PORT_TAKEN = "address already in use"
_SETTINGS = {
    "LEASE_MS": str(round(LEASE_S * 1_000)),
    "MESSAGE_LEASE_MS": "10000",
    "SEND_TIMEOUT_MS": "3000",
    "SEND_WITHIN_MS": "2000",
    "BLUEBUBBLES_SETTLE_MS": "5000",
    "RECONCILE_PATIENCE_MS": "300000",
    "RECONCILE_INTERVAL_MS": "1000",
    "WORKER_CONCURRENCY": "8",
    "AVAILABILITY_CHUNK_SIZE": "10",
    "AVAILABILITY_RATE_PER_LINE": "10",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the installation of a fault has that others have not.

    Args:
        processes: how many processes a service has, by its name, where it is not the usual number.
        messaging_module: what is run in place of the messaging service's program.
        settings: further environment variables.
        removed: a safeguard that no process has (:mod:`tests.chaos.unguarded.safeguards`); empty for none.
    """

    processes: Mapping[str, int] = field(default_factory=dict)
    messaging_module: str = "services.messaging"
    settings: Mapping[str, str] = field(default_factory=dict)
    removed: str = ""

    def services(self) -> Sequence[Service]:
        """Every service, the gateway first."""
        return (
            GATEWAY,
            BULK_AVAILABILITY,
            Service(
                name=MESSAGING,
                module=self.messaging_module,
                arguments=("--queue", "message-processing"),
                address_setting="MESSAGING_URL",
            ),
            Service(name=DUE, module="services.messaging", arguments=("--queue", "scheduled-messages")),
            Service(name=SCHEDULER, module="services.scheduler"),
        )

    def environ(self) -> dict[str, str]:
        """The environment variables that say so."""
        if not self.removed:
            return dict(self.settings)
        return {**self.settings, "REMOVED_SAFEGUARD": self.removed, "PYTHONPATH": f"{_AT_START}{os.pathsep}{_ROOT}"}


@dataclass(frozen=True, slots=True)
class Injury:
    """Something that was done to the installation.

    Args:
        at: when, in seconds since 1970.
        what: to whom, for a person.
    """

    at: float
    what: str


class PortTakenError(AssertionError):
    """Another program took a port between its choice and its use; a second attempt chooses others."""


class World:
    """The installation; use it as a context manager, which answers when all is healthy.

    Args:
        setup: what is special about it.
        orders: a folder for orders to workers that die where they are told to.
    """

    def __init__(self, setup: Setup, *, orders: Path) -> None:
        self._setup = setup
        self._things = ExitStack()
        self.orders = orders
        self.redis_server = RedisServer()
        self.mongo_server = MongoServer()
        self.injuries: list[Injury] = []
        """What was done to it so far."""

    def __enter__(self) -> Self:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._build()
            except PortTakenError:
                self._things.close()
                if attempt == _ATTEMPTS:
                    raise
            except BaseException:
                self._things.close()
                raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._things.close()

    def note(self, what: str) -> None:
        """Write an injury down; to be called at the moment it is done."""
        self.injuries.append(Injury(time.time(), what))

    def processes(self, *names: str) -> list[SupervisedProcess]:
        """The processes of these services; of all where none is named."""
        return [process for name in names or self.stack.workers for process in self.stack.workers[name]]

    def restarts(self, *names: str) -> int:
        """How often processes of these services were started again."""
        return sum(process.restarts for process in self.processes(*names))

    def last_words(self) -> str:
        """What every process printed last, for a test that fails."""
        said = [f"{each.name}: {line}" for each in self.processes() for line in list(each.last_lines)[-_LAST_LINES:]]
        return "\n".join(said)

    def deliveries(self) -> list[dict[str, Any]]:
        """What went out, by the simulator's own word."""
        found: list[dict[str, Any]] = self.ask_simulator("/deliveries", limit=100_000)["deliveries"]
        return found

    def ask_simulator(self, path: str, **query: str | int) -> dict[str, Any]:
        """An answer of the simulator's admin API."""
        answer: dict[str, Any] = self._admin.get(path, params=query).raise_for_status().json()
        return answer

    def tell_simulator(self, path: str, body: Mapping[str, object]) -> None:
        """Change something at the simulator."""
        self._admin.post(path, json=body).raise_for_status()

    def _build(self) -> None:
        self._things.enter_context(self.redis_server)
        self._things.enter_context(self.mongo_server)
        supervisor = self._things.enter_context(Supervisor(pause=RestartPause(first_s=0.2, longest_s=1.0)))
        plan = Plan(
            data=None,
            secrets=new_secrets(),
            port=ports.choose(),
            workspace=WORKSPACE,
            simulators=SimulatorSettings(lines=4, latency_ms=20.0, available_ratio=1.0),
            processes={AVAILABILITY: 2, MESSAGING: 2, **self._setup.processes},
            settings={**_SETTINGS, "FAULT_ORDERS": str(self.orders), **self._setup.environ()},
            services=self._setup.services(),
        )
        ours = {field.name.upper() for field in msgspec.structs.fields(Settings)}
        environ = {name: value for name, value in os.environ.items() if name not in ours}
        environ |= {"REDIS_URL": self.redis_server.url, "MONGODB_URI": self.mongo_server.uri}
        self.stack = self._things.enter_context(Stack(plan, environ=environ, supervisor=supervisor))
        self.simulator: Simulator = _there(self.stack.simulator)
        self.database: Database[Document] = self.stack.database()
        self._things.callback(self.database.client.close)
        self.redis = self._things.enter_context(redis.Redis.from_url(self.redis_server.url))
        admin_url = self.simulator.admin_url
        self._admin = self._things.enter_context(httpx.Client(base_url=admin_url, timeout=20.0, trust_env=False))
        self.database[LINES].update_many({}, {"$set": {"limits": {"perMinute": 3_000}}})
        ill = self.stack.await_health(timeout_s=_HEALTH_S)
        if ill is not None:
            words = self.last_words()
            kind = PortTakenError if _PORT_TAKEN in words.lower() else AssertionError
            raise kind(f"the installation did not become healthy: {ill}\n{words}")
        self.stack.initialize()


def _there(simulator: Simulator | None) -> Simulator:
    if simulator is None:
        raise AssertionError("the installation has no simulator")
    return simulator


Act = Callable[[World], None]
"""Something done to an installation."""
