"""Each safeguard, taken out of every process: the row of the fault that it is there for must turn red."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.catalogue import FAULTS
from tests.chaos.fault import Fault, Outcome, run_fault
from tests.chaos.unguarded import safeguards
from tests.chaos.work import Scale

_SCALE = Scale(jobs=6, leads_per_job=40, direct=40, scheduled=0, patience_s=40.0)


def repeats(outcome: Outcome) -> bool:
    """A message went out more than once."""
    return outcome.tally.repeated > 0


def loses(outcome: Outcome) -> bool:
    """Something accepted did not happen."""
    return outcome.tally.lost > 0


def goes_on_dying(outcome: Outcome) -> bool:
    """The poisoned job never became a dead letter."""
    return not outcome.injured


Harm = Callable[[Outcome], bool]
"""How the row turns red."""

PAIRS: Sequence[tuple[str, str, Harm]] = (
    (safeguards.ASK_BEFORE_SENDING_AGAIN, "workers killed between effect and acknowledgement", repeats),
    (safeguards.LEDGER_RECONCILER, "Redis emptied (FLUSHALL), twice", loses),
    (safeguards.DEAD_WORKERS_JOBS, "a worker killed every 3 s", loses),
    (safeguards.POISON_COUNT, "a poison job that kills its workers", goes_on_dying),
)
"""A safeguard, the fault that it is there for, and the harm that is done without it."""


def without(safeguard: str, fault: Fault) -> Fault:
    """The fault on an installation that lacks the safeguard."""
    return replace(fault, setup=replace(fault.setup, removed=safeguard), scale=_SCALE)


@pytest.mark.chaos
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("safeguard", "name", "harm"), PAIRS, ids=[pair[0].replace(" ", "-") for pair in PAIRS])
def test_without_the_safeguard_the_fault_does_harm(safeguard: str, name: str, harm: Harm, tmp_path: Path) -> None:
    (fault,) = (each for each in FAULTS if each.name == name)
    outcome = run_fault(without(safeguard, fault), tmp_path)
    assert outcome.injuries
    assert harm(outcome), f"{safeguard}: removed, and nothing showed it: {outcome}\n{outcome.last_words}"
