"""A soak: random faults one after the other, for as long as ``CHAOS_SOAK_S`` says (seconds)."""

import os
import random
import time

from tests.chaos.fault import Fault, Run
from tests.chaos.faults import processes, provider, stores
from tests.chaos.work import Scale

_SECONDS = float(os.environ.get("CHAOS_SOAK_S", "45"))
_EVERY_S = 0.2
_SEED = 22


def random_faults(run: Run) -> None:
    """Choose a fault, let it loose, choose the next."""
    source = random.Random(_SEED)
    kinds = [
        lambda run: processes.kill_workers(run, times=2),
        processes.kill_a_scheduler,
        stores.kill_redis,
        stores.kill_mongo,
        stores.freeze_redis,
        provider.break_answers,
    ]
    give_up_at = time.monotonic() + _SECONDS
    while time.monotonic() < give_up_at:
        source.choice(kinds)(run)


def _several(run: Run) -> bool:
    return len(run.world.injuries) > 1


FAULTS = (
    Fault(
        number=22,
        name=f"random faults for {_SECONDS:g} s",
        injure=random_faults,
        evidence=_several,
        scale=Scale(direct=round(_SECONDS / _EVERY_S), every_s=_EVERY_S, patience_s=300.0 + 2 * _SECONDS),
        budget_s=500.0 + 4 * _SECONDS,
    ),
)
