"""What is known of the whole installation now, gathered once for the overview and for `GET /troubles`."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from libs.common.broker.model import JobView
from libs.common.errors import StoreUnavailable
from libs.common.integrations.model import Integration
from libs.common.stores.schedules import Schedule
from services.gateway.dashboard.parts import Pace, Parts
from services.gateway.dashboard.schedules import is_of, schedule_row
from services.gateway.dashboard.troubles import Facts
from services.gateway.health import Part

T = TypeVar("T")

MOST_UNCERTAIN: Final = 100
"""The most messages that are counted as waiting for a person."""
MOST_NEEDING: Final = 20
"""The most integrations that are named as waiting for a person."""
MOST_DEAD: Final = 500
"""The most dead letters of a queue that are counted for one workspace."""
NO_PACE: Final = Pace(queues=(), rates={}, workers=())
"""What is known of the pace where Redis is away."""


def facts_of(parts: Parts) -> Facts:
    """What is known now: a store that is away takes its own part from the facts, not the facts.

    One that the health check found down is not asked: a frozen store would let each question wait for its time-out.
    """
    now, known = parts.clock.now(), parts.health().parts
    pace = NO_PACE if _is_down(known, "redis") else unless_away(parts.pace, NO_PACE)
    if _is_down(known, "mongodb"):
        return Facts(parts=known, queues=pace.queues, rates=pace.rates, workers=pace.workers, now=now)
    return Facts(
        parts=known,
        queues=pace.queues,
        rates=pace.rates,
        workers=pace.workers,
        lines=unless_away(parts.lines.all, []),
        schedules=unless_away(lambda: [schedule_row(each, now=now) for each in parts.schedules.all()], []),
        uncertain=unless_away(lambda: parts.messages.count_uncertain(None, most=MOST_UNCERTAIN), 0),
        needing=_needing(parts, None),
        now=now,
    )


def facts_of_workspace(parts: Parts, workspace: str) -> Facts:
    """What is known now of one workspace's own; of the installation, and of the others, nothing."""
    now = parts.clock.now()
    nobody: tuple[list[JobView], bool] = ([], False)
    dead, _more = unless_away(
        lambda: parts.jobs.dead_letters(parts.queues, most=MOST_DEAD, workspace=workspace), nobody
    )
    none: list[Schedule] = []
    own = unless_away(lambda: [each for each in parts.schedules.all() if is_of(each, workspace)], none)
    return Facts(
        parts={},
        dead=Counter(job.queue for job in dead),
        lines=unless_away(lambda: parts.lines.all(workspace), []),
        schedules=[schedule_row(each, now=now) for each in own],
        uncertain=unless_away(lambda: parts.messages.count_uncertain(workspace, most=MOST_UNCERTAIN), 0),
        needing=_needing(parts, workspace),
        now=now,
    )


def _needing(parts: Parts, workspace: str | None) -> Sequence[Integration]:
    nothing: Sequence[Integration] = ()
    return unless_away(lambda: parts.integrations.needing_attention(workspace, limit=MOST_NEEDING), nothing)


def _is_down(parts: Mapping[str, Part], name: str) -> bool:
    return name in parts and parts[name].status == "down"


def unless_away(ask: Callable[[], T], otherwise: T) -> T:
    """What ``ask`` answers, or ``otherwise`` where its store is away."""
    try:
        return ask()
    except StoreUnavailable:
        return otherwise
