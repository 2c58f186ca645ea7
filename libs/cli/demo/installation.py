"""The installation that each act of the demonstration has to itself, and what is told while the act runs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from libs.cli.failures import CommandFailed
from libs.cli.health import parts_of
from libs.cli.jobs import JobAnswer
from libs.cli.output import plain
from libs.cli.services import Service
from libs.cli.simulators import DEMO_WORKSPACE, SimulatorSettings
from libs.cli.stack import Plan, Stack
from libs.cli.state_folder import new_secrets
from libs.cli.supervisor import Supervisor
from libs.common.settings import Settings
from libs.embedded import ports

_HEALTH_S = 60.0
_LAST_LINES = 12


class Stage:
    """What the demonstration tells while it runs; the default says nothing."""

    def say(self, text: str) -> None:
        """Something has happened."""

    def progress(self, job: JobAnswer) -> None:
        """The job has moved on."""


@contextmanager
def installation(
    services: Sequence[Service],
    supervisor: Supervisor,
    stage: Stage,
    *,
    simulators: SimulatorSettings | None = None,
    processes: Mapping[str, int] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """A healthy installation with servers and a folder of its own, ended afterwards.

    What the environment says of stores, tokens and services does not count in it.

    Args:
        services: which ones run.
        supervisor: runs the processes.
        stage: is told what happens.
        simulators: of a provider and its lines; ``None`` for none.
        processes: how many of a service, by its name, where it is not one.
        settings: what the services are told.

    Raises:
        CommandFailed: it did not become healthy; the message holds what the processes said last.
        EmbeddedServerError: a store could not be started.
    """
    plan = Plan(
        data=None,
        secrets=new_secrets(),
        port=ports.choose(),
        workspace=DEMO_WORKSPACE,
        simulators=simulators,
        processes=processes or {},
        settings=settings or {},
        services=tuple(services),
    )
    ours = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    with Stack(plan, environ=environ, supervisor=supervisor, tell=stage.say) as stack:
        ill = stack.await_health(timeout_s=_HEALTH_S, unless=lambda: bool(stack.broken()))
        if ill is not None:
            words = _last_words(stack, supervisor, ill)
            raise CommandFailed("\n".join(["The system did not become healthy.", *words]))
        yield stack


def _last_words(stack: Stack, supervisor: Supervisor, ill: Mapping[str, object]) -> Iterator[str]:
    """What the processes said last that keep dying or are not well, or all where nobody knows which."""
    unwell = {name for name, part in parts_of(ill) if part.get("status") != "up"}
    suspects = stack.broken() or [process for process in supervisor.processes if process.name in unwell]
    for process in suspects or supervisor.processes:
        yield f"{process.name} said last:"
        yield from (f"    {plain(line, longest=500)}" for line in list(process.last_lines)[-_LAST_LINES:])
