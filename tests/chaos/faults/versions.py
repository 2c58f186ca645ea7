"""An earlier version and the present one together, as during a roll-out that is taken back halfway."""

from pathlib import Path

from libs.cli.supervisor import SupervisedProcess
from tests.chaos.fault import Fault, Run
from tests.chaos.old_version import environ_of, unpack_earlier_version, why_no_earlier_version
from tests.chaos.setup import AVAILABILITY, DUE, MESSAGING, SCHEDULER, Setup
from tests.chaos.world import World

_MIXED = (AVAILABILITY, MESSAGING, SCHEDULER)
_PRESENT = {"PYTHONPATH": "", "PYTHONSAFEPATH": ""}


def _folder(world: World) -> Path:
    return world.orders / "earlier"


def _half_is_earlier(world: World) -> None:
    """Of two processes of a kind one is of the earlier version; the worker of ticks is too."""
    commit = unpack_earlier_version(_folder(world))
    world.note(f"half of the processes are of version {commit[:9]}")
    for process in (*(world.processes(name)[0] for name in _MIXED), *world.processes(DUE)):
        world.restart_with(process, environ_of(_folder(world)))


def change_places(run: Run) -> None:
    """Let the earlier ones become the present version and the other way round, one after the other."""
    for name in _MIXED:
        for process in run.world.processes(name):
            to_earlier = not _is_earlier(run.world, process)
            run.world.note(f"{process.name} becomes the {'earlier' if to_earlier else 'present'} version")
            run.world.restart_with(process, environ_of(_folder(run.world)) if to_earlier else _PRESENT)


def _is_earlier(world: World, process: SupervisedProcess) -> bool:
    return process.spec.environ.get("PYTHONPATH") == str(_folder(world))


def _both_ran(run: Run) -> bool:
    """By the kernel's word: the environment with which the processes run now."""
    earlier = [
        f"PYTHONPATH={_folder(run.world)}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        for name in _MIXED
        for process in run.world.processes(name)
    ]
    return len(run.world.injuries) == 1 + len(earlier) and any(earlier) and not all(earlier)


FAULTS = (
    Fault(
        number=20,
        name="an earlier version and the present one together",
        injure=change_places,
        evidence=_both_ran,
        setup=Setup(processes={SCHEDULER: 2}, prepare=_half_is_earlier),
        why_not=why_no_earlier_version,
    ),
)
