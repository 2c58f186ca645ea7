"""A whole installation that a fault is let loose on: own stores, simulated lines, every process that the work needs."""

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import msgspec
import redis
from pymongo.database import Database

from libs.cli.gateway import API
from libs.cli.simulators import Simulator, SimulatorSettings
from libs.cli.stack import Plan, Stack
from libs.cli.state_folder import new_secrets
from libs.cli.supervisor import RestartPause, SupervisedProcess, Supervisor
from libs.common.broker.connection import connect_redis
from libs.common.settings import Secret, Settings
from libs.common.stores.collections import LINES
from libs.common.stores.mongo import Document
from libs.embedded import MongoServer, RedisServer, ports
from tests.chaos.setup import AVAILABILITY, HEALTH, MESSAGING, WORKSPACE, Setup
from tests.chaos.stores import Stores
from tests.chaos.wire import Wire
from tests.waiting import wait_until

_HEALTH_S = 120.0
_BACK_S = 60.0
_LAST_LINES = 15
_ATTEMPTS = 3
_PORT_TAKEN = "address already in use"
_EVERY_MINUTE = "* * * * *"


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
        self.stores: Stores
        """Its stores."""
        self.lines_wire: Wire | None = None
        """The way to the lines, where they are behind a wire."""
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

    @property
    def redis_server(self) -> RedisServer:
        """Its Redis; the first master where there are several."""
        return self.stores.redis

    @property
    def mongo_server(self) -> MongoServer:
        """Its MongoDB; the first primary where there are several."""
        return self.stores.mongo

    @property
    def has_crm(self) -> bool:
        """Whether it syncs with a CRM."""
        return not self._setup.lean

    def note(self, what: str) -> None:
        """Write an injury down; to be called at the moment it is done."""
        self.injuries.append(Injury(time.time(), what))

    def processes(self, *names: str) -> list[SupervisedProcess]:
        """The processes of these services; of all where none is named."""
        return [process for name in names or self.stack.workers for process in self.stack.workers[name]]

    def restarts(self, *names: str) -> int:
        """How often processes of these services were started again."""
        return sum(process.restarts for process in self.processes(*names))

    def restart_with(self, process: SupervisedProcess, environ: Mapping[str, str]) -> None:
        """Start a process again with other variables, and return when it runs."""
        before = process.restarts
        process.spec = replace(process.spec, environ={**process.spec.environ, **environ})
        process.kill()
        wait_until(lambda: process.restarts > before, deadline_s=_BACK_S, message=f"{process.name} is back")

    def await_health(self) -> None:
        """Wait until everything is healthy.

        Raises:
            AssertionError: it does not become so; the message says what is ill.
        """
        ill = self.stack.await_health(timeout_s=_HEALTH_S)
        if ill is not None:
            words = self.last_words()
            kind = PortTakenError if _PORT_TAKEN in words.lower() else AssertionError
            raise kind(f"the installation did not become healthy: {ill}\n{words}")

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
        self.stores = self._setup.stores(self._things)
        supervisor = self._things.enter_context(Supervisor(pause=RestartPause(first_s=0.2, longest_s=1.0)))
        plan = Plan(
            data=None,
            secrets=new_secrets(),
            port=ports.choose(),
            workspace=WORKSPACE,
            simulators=SimulatorSettings(lines=4, latency_ms=20.0, available_ratio=1.0),
            processes={AVAILABILITY: 2, MESSAGING: 2, **self._setup.processes},
            settings={**self._setup.environ(), "FAULT_ORDERS": str(self.orders)},
            services=self._setup.services(),
        )
        ours = {field.name.upper() for field in msgspec.structs.fields(Settings)}
        environ = {name: value for name, value in os.environ.items() if name not in ours}
        environ |= {"REDIS_URL": self.stores.redis_url, "MONGODB_URI": self.stores.mongodb_uri}
        self.stack = self._things.enter_context(Stack(plan, environ=environ, supervisor=supervisor))
        self.simulator: Simulator = _there(self.stack.simulator)
        self.database: Database[Document] = self.stack.database()
        self._things.callback(self.database.client.close)
        self.redis = self._things.enter_context(self._redis_client())
        admin_url = self.simulator.admin_url
        self._admin = self._things.enter_context(httpx.Client(base_url=admin_url, timeout=20.0, trust_env=False))
        self.database[LINES].update_many({}, {"$set": {"limits": {"perMinute": 3_000}}})
        if self._setup.lines_behind_a_wire:
            self._lay_wire_to_lines()
        self.await_health()
        self.stack.initialize()
        if not self._setup.lean:
            self._check_health_every_minute()
        self._setup.prepare(self)
        self.await_health()

    def _redis_client(self) -> "redis.Redis":
        """A client that is not behind the wire that the processes are behind."""
        if self.stores.behind_sentinels:
            return connect_redis(Settings(redis_url=Secret(self.stores.redis_url)))
        return redis.Redis.from_url(self.stores.redis.url)

    def _lay_wire_to_lines(self) -> None:
        lines = list(self.database[LINES].find({}, {"serverUrl": True}))
        addresses = [urlsplit(line["serverUrl"]) for line in lines]
        wire = self._things.enter_context(Wire([address.port or 0 for address in addresses]))
        self.lines_wire = wire
        for line, address, port in zip(lines, addresses, wire.ports, strict=True):
            there = {"serverUrl": address._replace(netloc=f"{ports.HOST}:{port}").geturl()}
            self.database[LINES].update_one({"_id": line["_id"]}, {"$set": there})

    def _check_health_every_minute(self) -> None:
        """By default lines are looked at every five minutes, which most runs would not see."""
        token = self.stack.settings.admin_token.reveal()
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.stack.url}{API}/schedules/{HEALTH}"
        httpx.put(url, json={"cron": _EVERY_MINUTE}, headers=headers, trust_env=False, timeout=20.0).raise_for_status()


def _there(simulator: Simulator | None) -> Simulator:
    if simulator is None:
        raise AssertionError("the installation has no simulator")
    return simulator
