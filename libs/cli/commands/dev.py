"""`tuco-jobs dev`: the whole system on this machine until Ctrl-C."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

import libs
from libs.cli.app import App, with_app
from libs.cli.failures import CommandFailed, Failure
from libs.cli.health import parts_of
from libs.cli.interrupts import stop_requests
from libs.cli.log_printer import LogPrinter
from libs.cli.output import plain
from libs.cli.simulators import DEMO_WORKSPACE, SimulatorFailedError, SimulatorSettings, is_description
from libs.cli.stack import Plan, Stack
from libs.cli.state_folder import FOLDER_NAME, StateFolder
from libs.cli.supervisor import ProcessNotStartedError, Supervisor

_HEALTH_S = 60.0
_EXAMPLE = Path(libs.__file__).parents[1] / "docs" / "examples" / "leads.csv"
_ANNOUNCED = (
    "BULLMQ_SERVER_URL",
    "SERVICE_TOKEN",
    "ADMIN_TOKEN",
    "REDIS_URL",
    "MONGODB_URI",
    "MONGODB_DATABASE",
    "CREDENTIALS_KEY",
)


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=3001, show_default=True, help="The gateway's port.")
@click.option("--no-simulators", is_flag=True, help="Start no simulated BlueBubbles servers.")
@click.option("--lines", type=click.IntRange(1, 100), default=3, show_default=True, help="How many to simulate.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(FOLDER_NAME),
    show_default=True,
    help="Where data, tokens and keys are kept between runs.",
)
@with_app
def dev(app: App, *, port: int, no_simulators: bool, lines: int, data: Path) -> None:
    """Run the whole system on this machine until Ctrl-C.

    Redis and MongoDB are started too where REDIS_URL and MONGODB_URI name none, and simulated BlueBubbles servers are
    the lines of the workspace `demo`. Commands in a second terminal need no settings: they find them in .tuco/dev.env.
    """
    folder = StateFolder(data)
    printer = LogPrinter(app.output.out)
    supervisor = Supervisor(on_line=_without_descriptions(printer), on_event=printer.event)
    plan = Plan(
        data=folder.path,
        secrets=folder.secrets(),
        port=port,
        workspace=DEMO_WORKSPACE,
        simulators=None if no_simulators else SimulatorSettings(lines=lines),
    )

    def kill_all() -> None:
        for process in supervisor.processes:
            process.send_signal(signal.SIGKILL)

    with stop_requests(on_second=kill_all) as requested:
        try:
            with Stack(plan, environ=os.environ, supervisor=supervisor, tell=printer.say) as stack:
                folder.announce({name: stack.environ[name] for name in _ANNOUNCED if stack.environ.get(name)})
                try:
                    _get_ready(stack, printer, folder, requested)
                    requested.wait()
                    printer.say("stopping; Ctrl-C again to stop at once")
                finally:
                    folder.withdraw()
        except (ProcessNotStartedError, SimulatorFailedError) as error:
            raise CommandFailed(str(error)) from error
    printer.say("stopped; nothing is left running")


def _without_descriptions(printer: LogPrinter) -> Callable[[str, str], None]:
    """Prints what processes say, but for the line in which a simulator gives its addresses and passwords."""

    def on_line(name: str, line: str) -> None:
        if not is_description(line):
            printer.line(name, line)

    return on_line


def _get_ready(stack: Stack, printer: LogPrinter, folder: StateFolder, requested: threading.Event) -> None:
    """Wait until all is healthy, create the schedules, and say what there is; or say what is not well."""
    ill = stack.await_health(timeout_s=_HEALTH_S, unless=requested.is_set)
    if requested.is_set():
        return
    if ill is not None:
        printer.say(f"not healthy after {_HEALTH_S:g} s: {_in_words(ill)}")
        printer.say("the lines above may say why; it goes on trying, and so can you: tuco-jobs health")
        return
    try:
        stack.initialize()
    except Failure as failure:
        printer.say(f"the schedules could not be created: {failure.message}")
    for line in _welcome(stack, folder):
        printer.say(line)


def _welcome(stack: Stack, folder: StateFolder) -> Iterator[str]:
    command = command_name()
    yield "everything is up"
    yield ""
    yield f"  gateway   {stack.url}"
    for line in stack.stores.splitlines():
        name, _, where = line.partition(": ")
        yield f"  {name:<9} {where}"
    yield f"  tokens    {_relative(folder.dev_env)} (also for your shell: set -a; source {_relative(folder.dev_env)})"
    if stack.simulator:
        yield f"  lines     {len(stack.simulator.lines)} simulated BlueBubbles lines in workspace {DEMO_WORKSPACE}"
    yield ""
    yield "in a second terminal, from this folder:"
    yield f"  {command} health"
    if _EXAMPLE.exists():
        yield f"  {command} leads import {_relative(_EXAMPLE)} --workspace {DEMO_WORKSPACE}"
        yield f"  {command} availability check --all --workspace {DEMO_WORKSPACE} --follow"
    yield f"  {command} stats"
    yield ""
    yield "Ctrl-C stops everything; the data stay"


def _in_words(health: Mapping[str, object]) -> str:
    parts = [f"{name} {part.get('status', '?')}" for name, part in parts_of(health) if part.get("status") != "up"]
    return plain(", ".join(parts) or "the gateway does not answer")


def command_name() -> str:
    """How this program is called from this shell."""
    if found := shutil.which("tuco-jobs"):
        return "tuco-jobs" if Path(found).resolve() == Path(sys.argv[0]).resolve() else _relative(Path(sys.argv[0]))
    return _relative(Path(sys.argv[0]))


def _relative(path: Path) -> str:
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
