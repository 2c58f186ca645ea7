"""The first page: what is wrong now, then every queue in numbers."""

from collections import Counter
from collections.abc import Mapping

from flask import Blueprint, Response, redirect, request, url_for

from services.gateway.auth import Scope, needs
from services.gateway.dashboard.access import NAME, as_response
from services.gateway.dashboard.facts import facts_of, unless_away
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rates import RateHistory
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.troubles import troubles, verdict
from services.gateway.rates import QueueRates


def add_overview(pages: Blueprint, parts: Parts) -> None:
    """Adds the overview, and the way to a job whose id is known."""
    rates = RateHistory()

    @pages.get("/")
    @needs(Scope.SERVICE)
    def overview() -> Response:
        facts = facts_of(parts)
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
            speeds=unless_away(parts.speeds, no_speeds),
            plots={queue.queue: rates.completed(queue.queue) for queue in facts.queues},
        )

    @pages.get("/find")
    @needs(Scope.SERVICE)
    def find() -> Response:
        job_id = request.args.get("id", "").strip()
        if not job_id:
            return as_response(redirect(url_for(f"{NAME}.overview"), code=303))
        return as_response(redirect(url_for(f"{NAME}.job", job_id=job_id[:200]), code=303))
