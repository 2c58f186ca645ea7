"""What is wrong now, in words: a list that is empty when all is well. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from libs.common.broker.model import QueueStats
from libs.common.integrations.model import Integration
from libs.common.stores.lines import HealthStatus, LineStatus
from libs.common.worker.heartbeat import WorkerSeen
from services.gateway.dashboard.lines import LineRow
from services.gateway.dashboard.schedules import ScheduleRow
from services.gateway.dashboard.words import listed, some, span
from services.gateway.health import Part
from services.gateway.rates import QueueRates

SLOW_AFTER: Final = timedelta(seconds=60)
"""How long the oldest job may wait before that is worth a word."""
ABANDONED_AFTER: Final = timedelta(seconds=15)
"""The same for a queue without workers; a worker that starts says within five seconds that it lives."""


class Weight(IntEnum):
    """How bad it is."""

    NOTE = 0
    """Somebody wanted it so, or it will pass."""
    WARNING = 1
    """It should be looked at today."""
    ALARM = 2
    """Work does not get done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong.

    Args:
        weight: how bad it is.
        text: what is wrong.
        advice: what to do about it, or what happens by itself.
        page: the page that tells more, as ``url_for`` knows it; empty for none.
        where: what that page is told.
    """

    weight: Weight
    text: str
    advice: str = ""
    page: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known now; what could not be asked is empty, and then a part is down.

    Args:
        parts: the gateway, the stores and the services by their names.
        queues: every queue in numbers.
        rates: how fast each goes, where that is known.
        workers: who works, where that is known.
        dead: dead letters by queue, where the queues' numbers are not known.
        lines: every line that is not retired.
        schedules: every schedule.
        uncertain: how many messages wait for a person.
        needing: integrations that wait for one.
        now: the current moment.
    """

    parts: Mapping[str, Part]
    queues: Sequence[QueueStats] = ()
    rates: Mapping[str, QueueRates] = field(default_factory=dict)
    workers: Sequence[WorkerSeen] = ()
    dead: Mapping[str, int] = field(default_factory=dict)
    lines: Sequence[LineRow] = ()
    schedules: Sequence[ScheduleRow] = ()
    uncertain: int = 0
    needing: Sequence[Integration] = ()
    now: datetime


def troubles(facts: Facts) -> list[Trouble]:
    """What is wrong, worst first."""
    found = [
        *_parts(facts.parts),
        *(trouble for queue in facts.queues for trouble in _queue(queue, facts.rates.get(queue.queue))),
        *(_dead(name, count) for name, count in facts.dead.items()),
        *_uncertain(facts.uncertain),
        *_lines(facts.lines),
        *(_needing(integration) for integration in facts.needing),
        *_schedules(facts),
    ]
    return sorted(found, key=lambda trouble: -trouble.weight)


def verdict(found: Sequence[Trouble]) -> str:
    """All of it in one sentence."""
    if not found:
        return "Everything runs."
    alarms = sum(trouble.weight is Weight.ALARM for trouble in found)
    if alarms:
        return "One thing needs a person now." if alarms == 1 else f"{alarms} things need a person now."
    if any(trouble.weight is Weight.WARNING for trouble in found):
        return "Work gets done, but look at this."
    return "Everything runs."


_LOST: Final = {
    "redis": "Jobs are accepted into the ledger and start when Redis is back.",
    "mongodb": "Nothing is accepted until MongoDB is back; running jobs wait for it.",
}


def _parts(parts: Mapping[str, Part]) -> Iterator[Trouble]:
    for name, part in parts.items():
        if part.status == "down":
            known = {"redis": "Redis", "mongodb": "MongoDB"}.get(name, f"The service {name}")
            why = f": {part.reason}" if part.reason else ""
            advice = _LOST.get(name, "Its jobs wait, or run on its other processes.")
            yield Trouble(weight=Weight.ALARM, text=f"{known} does not answer{why}.", advice=advice)


def _queue(queue: QueueStats, rates: QueueRates | None) -> Iterator[Trouble]:
    name, where = queue.queue, {"name": queue.queue}
    held = queue.counts.get("paused", 0)
    if queue.paused:
        yield Trouble(
            weight=Weight.WARNING if held else Weight.NOTE,
            text=f"{name} is paused; {some(held, 'job waits', 'jobs wait')} for it to be resumed.",
            page="dashboard.queue",
            where=where,
        )
    elif queue.oldest_waiting_seconds > _patience(rates):
        running = queue.counts.get("active", 0)
        behind = f"the oldest job has waited {span(queue.oldest_waiting_seconds)}"
        if running:
            yield Trouble(
                weight=Weight.WARNING,
                text=f"{name} falls behind: {behind}, {some(running, 'runs', 'run')}.",
                advice="More workers take more jobs side by side.",
                page="dashboard.queue",
                where=where,
            )
        else:
            yield Trouble(
                weight=Weight.ALARM,
                text=f"Nobody takes jobs from {name}: {behind} and none runs.",
                advice="No worker of this queue has said within 20 seconds that it lives: start one, or read its log."
                if rates is not None and not rates.workers
                else "Is its worker up, and does it reach Redis?",
                page="dashboard.queue",
                where=where,
            )
    if dead := queue.counts.get("failed", 0):
        yield _dead(name, dead)


def _patience(rates: QueueRates | None) -> float:
    """After how many seconds of waiting something is wrong: sooner where no worker is there to take the job."""
    nobody = rates is not None and not rates.workers
    return (ABANDONED_AFTER if nobody else SLOW_AFTER).total_seconds()


def _dead(queue: str, count: int) -> Trouble:
    return Trouble(
        weight=Weight.WARNING,
        text=f"{some(count, 'dead letter')} in {queue}.",
        advice="They wait for a person: see why they died, then retry or remove them.",
        page="dashboard.dead",
        where={"queue": queue},
    )


def _needing(integration: Integration) -> Trouble:
    name = integration.name or f"{integration.provider.value} of {integration.workspace_id}"
    reason = integration.status_reason.rstrip(".") or "it does not say what"
    return Trouble(
        weight=Weight.WARNING,
        text=f"The integration {name} needs a person: {reason}.",
        advice="It is not synced until that is mended.",
        page="dashboard.integration",
        where={"integration_id": integration.id},
    )


def _uncertain(count: int) -> Iterator[Trouble]:
    if count:
        yield Trouble(
            weight=Weight.WARNING,
            text=f"Of {some(count, 'message')} nobody knows whether {'it' if count == 1 else 'they'} went out.",
            advice="They are never sent again by themselves: a person decides.",
            page="dashboard.messages",
        )


def _lines(lines: Sequence[LineRow]) -> Iterator[Trouble]:
    active = [line for line in lines if line.status is LineStatus.ACTIVE]
    for health, weight, words in (
        (HealthStatus.DOWN, Weight.ALARM, ("is down", "are down")),
        (HealthStatus.DEGRADED, Weight.NOTE, ("answers badly", "answer badly")),
    ):
        names = [line.label for line in active if line.health is health]
        if names:
            shown = listed(names[:3] + ([f"{len(names) - 3} more"] if len(names) > 3 else []))
            yield Trouble(
                weight=weight,
                text=f"{'Line' if len(names) == 1 else 'Lines'} {shown} {words[len(names) > 1]}.",
                advice="Nothing is sent through it until a health check finds it up."
                if health is HealthStatus.DOWN
                else "",
                page="dashboard.lines",
            )


def _schedules(facts: Facts) -> Iterator[Trouble]:
    for schedule in facts.schedules:
        if not schedule.enabled:
            yield Trouble(weight=Weight.NOTE, text=f"The schedule {schedule.name} is off.", page="dashboard.schedules")
        elif schedule.problem:
            yield Trouble(
                weight=Weight.ALARM,
                text=f"The schedule {schedule.name} cannot be read: {schedule.problem}.",
                page="dashboard.schedules",
            )
        elif schedule.overdue:
            yield Trouble(
                weight=Weight.ALARM,
                text=f"The schedule {schedule.name} has missed its time by {span(schedule.overdue.total_seconds())}.",
                advice="Is the scheduler up?",
                page="dashboard.schedules",
            )
