"""The first page: what is wrong now, then every queue in numbers."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Blueprint, Response, redirect, request, url_for

from libs.common.broker.model import QueueStats
from libs.common.errors import StoreUnavailable
from services.gateway.auth import Scope, needs
from services.gateway.dashboard.access import NAME, as_response
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rates import RateHistory
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.schedules import schedule_row
from services.gateway.dashboard.troubles import Facts, troubles, verdict
from services.gateway.rates import QueueRates

T = TypeVar("T")

MOST_UNCERTAIN = 100


def add_overview(pages: Blueprint, parts: Parts) -> None:
    """Adds the overview, and the way to a job whose id is known."""
    rates = RateHistory()

    @pages.get("/")
    @needs(Scope.SERVICE)
    def overview() -> Response:
        facts = _facts(parts)
        rates.note(facts.queues, at=facts.now)
        found = troubles(facts)
        totals: Counter[str] = Counter()
        no_speeds: Mapping[str, QueueRates] = {}
        for queue in facts.queues:
            totals.update(queue.counts)
        return page(
            parts,
            "overview.html",
            troubles=found,
            verdict=verdict(found),
            facts=facts,
            totals=totals,
            speeds=_unless_away(parts.speeds, no_speeds),
            plots={queue.queue: rates.completed(queue.queue) for queue in facts.queues},
        )

    @pages.get("/find")
    @needs(Scope.SERVICE)
    def find() -> Response:
        job_id = request.args.get("id", "").strip()
        if not job_id:
            return as_response(redirect(url_for(f"{NAME}.overview"), code=303))
        return as_response(redirect(url_for(f"{NAME}.job", job_id=job_id[:200]), code=303))


def _facts(parts: Parts) -> Facts:
    """What is known now: a store that is away takes its own part from the page, not the page."""
    now = parts.clock.now()
    return Facts(
        parts=parts.health().parts,
        queues=_unless_away(lambda: [parts.jobs.stats(name) for name in parts.queues], list[QueueStats]()),
        lines=_unless_away(parts.lines.all, []),
        schedules=_unless_away(lambda: [schedule_row(each, now=now) for each in parts.schedules.all()], []),
        uncertain=_unless_away(lambda: len(parts.messages.uncertain(None, limit=MOST_UNCERTAIN)), 0),
        now=now,
    )


def _unless_away(ask: Callable[[], T], otherwise: T) -> T:
    try:
        return ask()
    except StoreUnavailable:
        return otherwise
