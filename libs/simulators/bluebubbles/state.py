"""What the simulator knows of what happened: everything that tests may look at."""

from libs.simulators.bluebubbles.faults import applies
from libs.simulators.bluebubbles.settings import Settings
from libs.simulators.calls import CallLog
from libs.simulators.deliveries import DeliveryLog
from libs.simulators.faults import FaultPlan
from libs.simulators.reachability import AvailabilityRule


class State:
    """The records of all lines.

    Attributes:
        calls: every call that arrived.
        faults: what was asked to go wrong, and how often it did.
        deliveries: every message that went out.
        availability: who can be reached, with exceptions to set.

    Args:
        settings: how the simulator was started.
    """

    def __init__(self, settings: Settings) -> None:
        self.calls = CallLog()
        self.deliveries = DeliveryLog()
        self.faults = FaultPlan(seed=settings.seed, applies=applies)
        self.availability = AvailabilityRule(seed=settings.seed, ratio=settings.available_ratio)
