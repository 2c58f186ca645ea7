"""What is known of the whole installation now, gathered once for the overview and for `GET /troubles`."""

from collections.abc import Callable
from typing import Final, TypeVar

from libs.common.broker.model import QueueStats
from libs.common.errors import StoreUnavailable
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.schedules import schedule_row
from services.gateway.dashboard.troubles import Facts

T = TypeVar("T")

MOST_UNCERTAIN: Final = 100
"""The most messages that are counted as waiting for a person."""


def facts_of(parts: Parts) -> Facts:
    """What is known now: a store that is away takes its own part from the facts, not the facts."""
    now = parts.clock.now()
    return Facts(
        parts=parts.health().parts,
        queues=unless_away(lambda: [parts.jobs.stats(name) for name in parts.queues], list[QueueStats]()),
        lines=unless_away(parts.lines.all, []),
        schedules=unless_away(lambda: [schedule_row(each, now=now) for each in parts.schedules.all()], []),
        uncertain=unless_away(lambda: len(parts.messages.uncertain(None, limit=MOST_UNCERTAIN)), 0),
        now=now,
    )


def unless_away(ask: Callable[[], T], otherwise: T) -> T:
    """What ``ask`` answers, or ``otherwise`` where its store is away."""
    try:
        return ask()
    except StoreUnavailable:
        return otherwise
