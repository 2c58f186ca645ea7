"""Which safeguard is there for which fault, and the harm that is done without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.chaos.catalogue import FAULTS
from tests.chaos.fault import Fault, Outcome
from tests.chaos.unguarded import safeguards
from tests.chaos.work import Scale

_SMALL = Scale(jobs=6, leads_per_job=40, direct=40, scheduled=0, contacts=0, patience_s=40.0)
_LONGER = Scale(jobs=12, leads_per_job=60, direct=60, scheduled=0, contacts=0, patience_s=40.0)
_WITH_A_TICK = replace(_SMALL, scheduled=10, patience_s=20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A safeguard and its fault.

    Args:
        safeguard: what is removed; a name of :mod:`tests.chaos.unguarded.safeguards`.
        fault: the name of what is let loose.
        harm: what must then be seen, in words.
        seen: whether it was.
        scale: how much work there is.
    """

    safeguard: str
    fault: str
    harm: str
    seen: Callable[[Outcome], bool]
    scale: Scale = _SMALL

    def fault_without(self) -> Fault:
        """The fault on an installation that lacks the safeguard."""
        (fault,) = (each for each in FAULTS if each.name == self.fault)
        return replace(fault, setup=replace(fault.setup, removed=self.safeguard), scale=self.scale)


def _repeats(outcome: Outcome) -> bool:
    return outcome.tally.repeated > 0


def _loses(outcome: Outcome) -> bool:
    return outcome.tally.lost > 0


def _ends_twice(outcome: Outcome) -> bool:
    return outcome.tally.ended_twice > 0


def _goes_on_dying(outcome: Outcome) -> bool:
    return not outcome.injured


PAIRS: Sequence[Pair] = (
    Pair(
        safeguard=safeguards.ASK_BEFORE_SENDING_AGAIN,
        fault="workers killed between effect and acknowledgement",
        harm="messages go out twice",
        seen=_repeats,
    ),
    Pair(
        safeguard=safeguards.MARK_BEFORE_THE_CALL,
        fault="workers killed between effect and acknowledgement",
        harm="messages go out twice",
        seen=_repeats,
    ),
    Pair(
        safeguard=safeguards.LEDGER_RECONCILER,
        fault="Redis emptied (FLUSHALL), twice",
        harm="accepted work is lost",
        seen=_loses,
    ),
    Pair(
        safeguard=safeguards.DEAD_WORKERS_JOBS,
        fault="one worker of each kind killed",
        harm="accepted work is lost",
        seen=_loses,
    ),
    Pair(
        safeguard=safeguards.FENCING,
        fault="workers cut off from Redis past their leases, then back",
        harm="jobs are acknowledged twice, once by a worker that had lost them",
        seen=_ends_twice,
        scale=_LONGER,
    ),
    Pair(
        safeguard=safeguards.ATOMIC_RETRY,
        fault="workers killed while jobs fail into a retry",
        harm="accepted work is lost",
        seen=_loses,
    ),
    Pair(
        safeguard=safeguards.POISON_COUNT,
        fault="a poison job that kills its workers",
        harm="it never becomes a dead letter",
        seen=_goes_on_dying,
    ),
    Pair(
        safeguard=safeguards.UNIQUE_TICK,
        fault="two schedulers, one killed, and its worker",
        harm="ticks are carried out twice",
        seen=_repeats,
        scale=_WITH_A_TICK,
    ),
)
"""Every safeguard that is removed."""
