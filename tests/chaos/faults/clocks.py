"""Clocks that are two minutes ahead, two minutes behind, and that jump between the two."""

import time
from collections.abc import Iterator

from libs.cli.supervisor import SupervisedProcess
from libs.common.stores.collections import LEADS
from tests.chaos.clocks import WrongClock
from tests.chaos.fault import Fault, Run
from tests.chaos.setup import AVAILABILITY, DUE, MESSAGING, SCHEDULER, Setup
from tests.chaos.work import Scale
from tests.chaos.world import World

_OFF_S = 120
_JUMPS = 8
_EVERY_S = 2.0
_FAR_S = 60.0


def _wrong(world: World, turn: int = 0) -> Iterator[tuple[SupervisedProcess, int]]:
    """Processes and the errors of their clocks: of two of a kind one is ahead and one behind; each turn they change."""
    for service in (AVAILABILITY, MESSAGING, SCHEDULER, DUE):
        for place, process in enumerate(world.processes(service)):
            yield process, -_OFF_S if (place + turn) % 2 else _OFF_S


def _give_wrong_clocks(world: World) -> None:
    for process, seconds in _wrong(world):
        clock = _clock(world, process)
        clock.go_wrong(seconds)
        world.restart_with(process, clock.environ())


def _clock(world: World, process: SupervisedProcess) -> WrongClock:
    return WrongClock(world.orders / f"clock.{process.name}")


def go_on(run: Run) -> None:
    """Nothing more is done: the clocks are wrong from the start."""
    for process, seconds in _wrong(run.world):
        run.world.note(f"the clock of {process.name} is {seconds:+d} s wrong")


def jump(run: Run) -> None:
    """Let every wrong clock jump to the other side, again and again."""
    for turn in range(1, _JUMPS + 1):
        for process, seconds in _wrong(run.world, turn):
            _clock(run.world, process).go_wrong(seconds)
        run.world.note("the clocks jump by four minutes")
        time.sleep(_EVERY_S)  # the fault's own rhythm


def _answers_of_both_times(run: Run) -> bool:
    """Leads' answers carry the clocks of their workers: some lie far ahead of the run, others far behind."""
    moments = [
        lead["availability"]["checkedAt"].timestamp()
        for lead in run.world.database[LEADS].find({"availability.checkedAt": {"$exists": True}})
    ]
    first, last = run.world.injuries[0].at, run.world.injuries[-1].at
    return any(at < first - _FAR_S for at in moments) and any(at > last + _FAR_S for at in moments)


_SETUP = Setup(processes={SCHEDULER: 2}, prepare=_give_wrong_clocks)
_LONG = Scale(patience_s=300.0)
"""What a worker puts off by its own clock comes as much later as that is ahead."""

FAULTS = (
    Fault(
        number=12,
        name="clocks 120 s ahead and behind",
        injure=go_on,
        evidence=_answers_of_both_times,
        setup=_SETUP,
        scale=_LONG,
    ),
    Fault(
        number=12,
        name="clocks jumping by four minutes",
        injure=jump,
        evidence=_answers_of_both_times,
        setup=_SETUP,
        scale=_LONG,
    ),
)
