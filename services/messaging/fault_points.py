"""Named points between two steps of a send, where tests let a worker die or stand still."""

from collections.abc import Awaitable, Callable
from enum import StrEnum


class FaultPoint(StrEnum):
    """Where something may go wrong."""

    CLAIMED = "claimed"
    """The message is claimed, nothing else is done."""
    RESERVED = "reserved"
    """Its slot is reserved."""
    MARKED = "marked"
    """It is marked as dispatched, and nothing was sent."""
    ANSWERED = "answered"
    """The provider has answered, and nothing is stored."""
    RECORDED = "recorded"
    """The answer is stored, and the job is not acknowledged."""


AtFaultPoint = Callable[[FaultPoint], Awaitable[None]]
"""Called at each point; outside tests it does nothing."""


async def no_faults(_point: FaultPoint) -> None:
    """Goes on."""
