"""Simulated providers as processes beside the services, and their lines in a workspace."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from pymongo.database import Database

from libs.cli.lines import DEFAULT_LIMITS, NewLine, save_line
from libs.cli.supervisor import ProcessSpec, SupervisedProcess, python_module
from libs.cli.waiting import wait_for
from libs.common.credentials import CredentialsVault
from libs.common.errors import TucoError
from libs.common.stores.collections import LINES
from libs.common.stores.lines import LineStatus
from libs.common.stores.mongo import Document
from libs.embedded import ports

DEMO_WORKSPACE = "demo"

_MODULE = "libs.simulators.bluebubbles"
_START_S = 30.0
_LINE_NAME = "Simulator"
_LINE_ADDRESS = "line@example.com"


class SimulatorFailedError(TucoError):
    """A simulator did not say where it listens; the message holds its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedLine:
    """One simulated server.

    Args:
        name: how the simulator calls it.
        server_url: where it listens.
        password: what it wants to see.
    """

    name: str
    server_url: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """What the simulated servers are like.

    Args:
        lines: how many there are.
        latency_ms: how long each call takes at least.
        seed: fixes which addresses can be reached by iMessage.
        available_ratio: the share of addresses that can be.
    """

    lines: int = 3
    latency_ms: float = 20.0
    seed: int = 1
    available_ratio: float = 0.7


def simulator_spec(settings: SimulatorSettings, environ: Mapping[str, str]) -> ProcessSpec:
    """The simulator's process; its ports are fixed, so that its lines keep their addresses when it is restarted."""
    first = ports.choose(lambda port: all(ports.is_free(port + line) for line in range(settings.lines + 1)))
    options: dict[str, object] = {
        "--port": first,
        "--lines": settings.lines,
        "--latency-ms": settings.latency_ms,
        "--seed": settings.seed,
        "--available-ratio": settings.available_ratio,
    }
    words = [str(word) for option in options.items() for word in option]
    return python_module("bluebubbles", _MODULE, *words, environ=environ, grace=timedelta(seconds=5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A running simulator.

    Args:
        admin_url: its own API, which is no part of the provider's protocol.
        lines: its servers.
    """

    admin_url: str
    lines: Sequence[SimulatedLine]


def await_simulator(process: SupervisedProcess) -> Simulator:
    """Where a simulator that was just started listens: the line of JSON that it prints.

    Raises:
        SimulatorFailedError: it ended or said nothing in time.
    """
    found = wait_for(lambda: _description(process.last_lines), timeout_s=_START_S, unless=lambda: not process.running)
    if found is None:
        last = "\n".join(process.last_lines) or "It said nothing."
        raise SimulatorFailedError(f"The BlueBubbles simulator did not start. Its last words:\n{last}")
    return found


def register_lines(
    database: Database[Document], vault: CredentialsVault, simulator: Simulator, *, workspace: str
) -> None:
    """Write the simulated servers down as lines of a workspace; they take the place of an earlier run's.

    Args:
        database: where lines are.
        vault: encrypts the passwords.
        simulator: whose servers.
        workspace: whose lines they become.
    """
    pause_simulated_lines(database, workspace=workspace)
    for number, line in enumerate(simulator.lines, start=1):
        name = f"{_LINE_NAME} {number}"
        earlier = database[LINES].find_one({"workspaceId": workspace, "name": name}, {"_id": True})
        save_line(
            database,
            vault,
            NewLine(
                workspace_id=workspace,
                provider="bluebubbles",
                server_url=line.server_url,
                credentials={"password": line.password},
                name=name,
                address=_LINE_ADDRESS,
                limits=DEFAULT_LIMITS,
            ),
            replace=earlier["_id"] if earlier else None,
        )


def pause_simulated_lines(database: Database[Document], *, workspace: str) -> None:
    """Take the lines of simulators that no longer run out of use."""
    simulated = {"workspaceId": workspace, "name": {"$regex": f"^{_LINE_NAME} "}}
    database[LINES].update_many(simulated, {"$set": {"status": LineStatus.PAUSED.value}})


def is_description(line: str) -> bool:
    """Whether a line of a simulator's output is the one in which it says where it listens."""
    return _description([line]) is not None


def _description(lines: Sequence[str]) -> Simulator | None:
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            said = json.loads(line)
            return Simulator(
                admin_url=said["adminUrl"],
                lines=[
                    SimulatedLine(name=each["name"], server_url=each["serverUrl"], password=each["password"])
                    for each in said["lines"]
                ],
            )
    return None
