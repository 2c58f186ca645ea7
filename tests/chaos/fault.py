"""A fault, and the one way in which every fault is run: work, injury, evidence, rest, count."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pymongo.errors import PyMongoError

from tests.chaos.ledger import Tally, tally
from tests.chaos.observation import doubtful, observe, promise_ticks, unfinished
from tests.chaos.setup import Setup
from tests.chaos.work import Producer, Scale
from tests.chaos.world import World
from tests.waiting import wait_until

_UNDER_WAY = 15


@dataclass(frozen=True, slots=True)
class Run:
    """A fault run while it lasts.

    Args:
        world: the installation.
        producer: asks for the work.
    """

    world: World
    producer: Producer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong.

    Args:
        number: its place in the list of faults.
        name: what goes wrong.
        injure: lets it go wrong, while the work goes on; ends with everything put right that a person would.
        evidence: whether it really went wrong, asked when everything has ended; a run without it proves nothing.
        setup: what the installation needs for it.
        scale: how much work there is.
        short: whether it is so quick that it runs with every test run.
        budget_s: seconds that the whole run may take; one that takes longer fails.
        ends_once: whether no job may be acknowledged twice; Redis keeps its data, so it knows.
        why_not: why this machine cannot run it; empty where it can.
    """

    number: int
    name: str
    injure: Callable[[Run], None]
    evidence: Callable[[Run], bool]
    setup: Setup = field(default_factory=Setup)
    scale: Scale = field(default_factory=Scale)
    short: bool = False
    budget_s: float = 480.0
    ends_once: bool = False
    why_not: Callable[[], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a fault run came to.

    Args:
        tally: the count.
        injured: whether there is evidence that it went wrong.
        injuries: what was done, and when (seconds since 1970).
        left: effects that were still owed when patience ended.
        last_words: what the processes printed last.
        doubtful: repeated deliveries, and what did not happen.
        took_s: seconds that the whole run took.
    """

    tally: Tally
    injured: bool
    injuries: Sequence[str]
    left: int
    last_words: str
    doubtful: Sequence[str]
    took_s: float


def run_fault(fault: Fault, folder: Path) -> Outcome:
    """Let a fault loose on a new installation.

    Args:
        fault: which.
        folder: an empty folder.
    """
    began = time.monotonic()
    with World(fault.setup, orders=folder) as world, closing(Producer(world, fault.scale)) as producer:
        run = Run(world, producer)
        producer.start()
        wait_until(lambda: len(world.deliveries()) >= _UNDER_WAY, deadline_s=60, message="messages go out")
        fault.injure(run)
        producer.finish()
        asked_until = time.time()
        _await_end(run, asked_until, fault.scale.patience_s)
        observed = observe(world, ticks_until=asked_until)
        return Outcome(
            tally=tally(producer.accepted, observed, [injury.at for injury in world.injuries]),
            injured=fault.evidence(run),
            injuries=[f"{injury.at:.3f} {injury.what}" for injury in world.injuries],
            left=unfinished(world, producer.accepted),
            last_words=world.last_words(),
            doubtful=doubtful(world, producer.accepted),
            took_s=time.monotonic() - began,
        )


def _await_end(run: Run, asked_until: float, patience_s: float) -> None:
    def ended() -> bool:
        with suppress(PyMongoError):
            promise_ticks(run.world, run.producer.accepted, until=asked_until)
            return unfinished(run.world, run.producer.accepted) == 0
        return False

    # What has not come to an end is counted, which says more than that it did not.
    with suppress(AssertionError):
        wait_until(ended, deadline_s=patience_s, interval_s=0.5)
