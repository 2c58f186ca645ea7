"""A fault, and the one way in which every fault is run: work, injury, evidence, rest, count."""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pymongo.errors import PyMongoError

from tests.chaos.ledger import Tally, doubtful, observe, tally, unfinished
from tests.chaos.work import Producer, Scale
from tests.chaos.world import Setup, World
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
    """

    number: int
    name: str
    injure: Callable[[Run], None]
    evidence: Callable[[Run], bool]
    setup: Setup = field(default_factory=Setup)
    scale: Scale = field(default_factory=Scale)
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a fault run came to.

    Args:
        tally: the count.
        injured: whether there is evidence that it went wrong.
        injuries: what was done, and when (seconds since 1970).
        left: effects that were still owed when patience ended.
        last_words: what the processes printed last.
        doubtful: repeated deliveries, leads without an answer, messages that did not go out.
    """

    tally: Tally
    injured: bool
    injuries: Sequence[str]
    left: int
    last_words: str
    doubtful: Sequence[str]


def run_fault(fault: Fault, folder: Path) -> Outcome:
    """Let a fault loose on a new installation.

    Args:
        fault: which.
        folder: an empty folder.
    """
    with World(fault.setup, orders=folder) as world, closing(Producer(world, fault.scale)) as producer:
        run = Run(world, producer)
        producer.start()
        wait_until(lambda: len(world.deliveries()) >= _UNDER_WAY, deadline_s=60, message="messages go out")
        fault.injure(run)
        producer.finish()
        _await_end(run, fault.scale.patience_s)
        observed = observe(world)
        return Outcome(
            tally=tally(producer.accepted, observed, [injury.at for injury in world.injuries]),
            injured=fault.evidence(run),
            injuries=[f"{injury.at:.3f} {injury.what}" for injury in world.injuries],
            left=unfinished(world, producer.accepted),
            last_words=world.last_words(),
            doubtful=doubtful(world),
        )


def _await_end(run: Run, patience_s: float) -> None:
    def ended() -> bool:
        with suppress(PyMongoError):
            return unfinished(run.world, run.producer.accepted) == 0
        return False

    # What has not come to an end is counted, which says more than that it did not.
    with suppress(AssertionError):
        wait_until(ended, deadline_s=patience_s, interval_s=0.5)
