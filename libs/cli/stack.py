"""A whole installation on this machine: stores, simulators, services; brought up in order, taken down in order.

The smallest use::

    with Stack(plan, environ=os.environ, supervisor=supervisor) as stack:
        print(stack.url, stack.environ["SERVICE_TOKEN"])
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from pymongo.database import Database

from libs.cli.failures import BadInput, Failure
from libs.cli.gateway import Gateway
from libs.cli.services import ALL, Service
from libs.cli.simulators import (
    Simulator,
    SimulatorSettings,
    await_simulator,
    pause_simulated_lines,
    register_lines,
    simulator_spec,
)
from libs.cli.supervisor import SupervisedProcess, Supervisor, python_module
from libs.cli.waiting import wait_for
from libs.common.credentials import CredentialsVault
from libs.common.settings import Settings, load_settings, tokens_of
from libs.common.stores.collections import create_collections
from libs.common.stores.mongo import Document, connect_mongo
from libs.embedded import RedisServer, ports, servers_for

_SHUTDOWN_TIMEOUT_MS = "3000"
_GRACE = timedelta(seconds=5)
_HOPELESS_RESTARTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an installation on this machine consists of.

    Args:
        data: where the data of stores that are started here are kept; None for nowhere.
        secrets: the tokens and keys that hold where the environment has none, by the names of their settings.
        port: the gateway's.
        workspace: whose lines the simulators become.
        simulators: what the simulated providers are like; None for none.
        processes: how many processes a service has, by its name; one where it is not named.
        settings: further environment variables of the services.
        services: which services there are; those that do not exist are passed over.
    """

    data: Path | None
    secrets: Mapping[str, str]
    port: int
    workspace: str
    simulators: SimulatorSettings | None
    processes: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    services: Sequence[Service] = ALL


class Stack:
    """An installation.

    Args:
        plan: what it consists of.
        environ: this process's variables; REDIS_URL, MONGODB_URI, tokens and keys in it go before our own.
        supervisor: runs the processes.
        tell: is told in a few words what happens next.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        environ: Mapping[str, str],
        supervisor: Supervisor,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._plan = plan
        self._given = environ
        self._supervisor = supervisor
        self._tell = tell
        self._servers = ExitStack()
        self._simulator_process: SupervisedProcess | None = None
        self.environ: dict[str, str] = {}
        """The variables of every process of the installation."""
        self.simulator: Simulator | None = None
        """The simulated providers, once they run."""
        self.workers: dict[str, list[SupervisedProcess]] = {}
        """The processes of each service, by its name."""
        self.stores = ""
        """Which stores are used, for a person, a line each."""
        self.redis: RedisServer | None = None
        """The Redis that was started here; ``None`` where the environment names another."""

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"http://localhost:{self._plan.port}"

    @property
    def settings(self) -> Settings:
        """The settings that the services are given."""
        return load_settings(self.environ)

    def database(self) -> Database[Document]:
        """A connection to the installation's database."""
        return connect_mongo(self.settings, service="cli")

    def gateway(self, *, admin: bool = False) -> Gateway:
        """A client of the installation's gateway."""
        settings = self.settings
        token, *_ = tokens_of(settings.admin_token if admin else settings.service_token)
        return Gateway(self.url, token=token)

    def __enter__(self) -> Self:
        """Bring everything up, short of waiting until it is healthy.

        Raises:
            BadInput: the gateway's port is taken.
            SettingsError: a given setting is wrong.
            EmbeddedServerError: a store did not start.
            ProcessNotStartedError: a program cannot be run.
            SimulatorFailedError: a simulator did not start.
        """
        try:
            self._check_port()
            self._check_settings()
            self._start_stores()
            if self._plan.simulators:
                wanted = self._plan.simulators
                self._tell(
                    f"starting {wanted.lines} simulated BlueBubbles servers that answer in {wanted.latency_ms:g} ms"
                )
                spec = simulator_spec(self._plan.simulators, self._given)
                self._simulator_process = self._supervisor.start(spec)
                self.simulator = await_simulator(self._simulator_process)
            self._prepare_database()
            self._start_services()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take everything down in order: services, then what they talk to; may be called twice."""
        self._supervisor.stop(process for processes in self.workers.values() for process in processes)
        if self._simulator_process:
            self._supervisor.stop([self._simulator_process])
        self._servers.close()

    def await_health(
        self, *, timeout_s: float, unless: Callable[[], bool] = lambda: False
    ) -> Mapping[str, object] | None:
        """Wait until the gateway calls everything healthy; else its last answer, empty where it gave none.

        Args:
            timeout_s: seconds after which one gives up.
            unless: says that waiting has become pointless.
        """
        last: dict[str, object] = {}

        def probe() -> bool:
            try:
                with self.gateway() as gateway:
                    healthy, answer = gateway.health()
            except Failure:
                return False
            last.clear()
            last.update(answer)
            return healthy

        return None if wait_for(probe, timeout_s=timeout_s, unless=unless, interval_s=0.3) else last

    def broken(self) -> list[SupervisedProcess]:
        """The services' processes that keep dying."""
        processes = [process for each in self.workers.values() for process in each]
        return [process for process in processes if process.restarts >= _HOPELESS_RESTARTS]

    def initialize(self) -> None:
        """Create the schedules, through the gateway.

        Raises:
            Failure: it refused or is not there.
        """
        with self.gateway(admin=True) as gateway:
            gateway.initialize()

    def _check_port(self) -> None:
        if not ports.is_free(self._plan.port):
            raise BadInput(
                f"Port {self._plan.port} is taken: another tuco-jobs dev, or another program, listens there.",
                "Stop that one, or choose another port with --port.",
            )

    def _check_settings(self) -> None:
        settings = load_settings({**self._given, **self._secrets(), **self._plan.settings})
        CredentialsVault(settings.credentials_key)

    def _secrets(self) -> dict[str, str]:
        return {name: self._given.get(name) or value for name, value in self._plan.secrets.items()}

    def _start_stores(self) -> None:
        self._tell("starting the stores")
        servers = self._servers.enter_context(servers_for(self._given, self._plan.data))
        self.stores = servers.summary
        self.redis = servers.redis
        self.environ = {
            **self._given,
            "ENVIRONMENT": "dev",
            "LOG_FORMAT": self._given.get("LOG_FORMAT") or "console",
            "SHUTDOWN_TIMEOUT_MS": self._given.get("SHUTDOWN_TIMEOUT_MS") or _SHUTDOWN_TIMEOUT_MS,
            **self._secrets(),
            **servers.environ(),
            **self._plan.settings,
        }

    def _prepare_database(self) -> None:
        database = self.database()
        try:
            create_collections(database)
            if self.simulator:
                vault = CredentialsVault(self.settings.credentials_key)
                register_lines(database, vault, self.simulator, workspace=self._plan.workspace)
            else:
                pause_simulated_lines(database, workspace=self._plan.workspace)
        finally:
            database.client.close()

    def _start_services(self) -> None:
        chosen = [service for service in self._plan.services if service.exists]
        processes = [(service, name) for service in chosen for name in self._names(service)]
        free = _distinct_ports(len(processes))
        placed = [(service, name, self._plan.port if service.is_door else next(free)) for service, name in processes]
        self._tell("starting " + ", ".join(name for _service, name, _port in placed))
        self.environ["PORT"] = str(self._plan.port)
        for service, _name, port in reversed(placed):
            if service.address_setting:
                self.environ[service.address_setting] = f"http://localhost:{port}"
        others = [(name, port) for service, name, port in placed if not service.is_door]
        self.environ["SERVICE_URLS"] = ",".join(f"{name}=http://localhost:{port}" for name, port in others)
        for service, name, port in placed:
            environ = {**self.environ, service.port_setting: str(port)}
            spec = python_module(name, service.module, *service.arguments, environ=environ, grace=_GRACE)
            self.workers.setdefault(service.name, []).append(self._supervisor.start(spec))

    def _names(self, service: Service) -> Sequence[str]:
        count = self._plan.processes.get(service.name, 1)
        return [service.name] if count == 1 else [f"{service.name}-{number}" for number in range(1, count + 1)]


def _distinct_ports(count: int) -> Iterator[int]:
    """Ports that are free now, none of them twice: none is taken before its process runs, so all would seem free."""
    chosen: set[int] = set()
    for _ in range(count):
        port = ports.choose(lambda port: port not in chosen and ports.is_free(port))
        chosen.add(port)
        yield port
