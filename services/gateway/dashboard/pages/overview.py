"""The first page: what is wrong now, then every queue in numbers, or the jobs of the workspace that one may see."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from bson import ObjectId
from flask import Blueprint, Response, redirect, request, url_for

from libs.common.broker.model import QueueStats
from libs.common.ledger.history import HistoryPage, HistoryQuery
from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import NAME, as_response
from services.gateway.dashboard.facts import facts_of, facts_of_workspace, unless_away
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.plots import Plot, plot
from services.gateway.dashboard.rates import Series
from services.gateway.dashboard.rendering import page
from services.gateway.dashboard.troubles import troubles, verdict
from services.gateway.rates import QueueRates

_JOBS_SHOWN: Final = 25
_NOTHING: Final = HistoryPage(jobs=(), cursor=None)
_LIKE_A_RECIPIENT: Final = re.compile(r".*@.*|\+?[\d ().-]{6,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plots:
    """The plots of a queue.

    Args:
        flow: jobs that came in and that ended.
        waits: how long half and 95 of 100 waited.
        runs: how long half and 95 of 100 ran.
    """

    flow: Plot
    waits: Plot
    runs: Plot


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A queue on the overview.

    Args:
        stats: its numbers.
        rates: how fast it goes; without values where that is not known.
        plots: how fast it went.
    """

    stats: QueueStats
    rates: QueueRates
    plots: Plots


def plots_of(series: Series) -> Plots:
    """The plots of a queue."""
    return Plots(
        flow=plot(series.added, series.ended),
        waits=plot(series.wait_p50, series.wait_p95),
        runs=plot(series.run_p50, series.run_p95),
    )


def add_overview(pages: Blueprint, parts: Parts) -> None:
    """Adds the overview, and the way to what one knows the id of."""

    @pages.get("/")
    @needs(Scope.SERVICE, for_workspaces=True)
    def overview() -> Response:
        workspace = bound_workspace()
        if workspace is not None:
            return _of_workspace(parts, workspace)
        facts = facts_of(parts)
        found = troubles(facts)
        totals: Counter[str] = Counter()
        for queue in facts.queues:
            totals.update(queue.counts)
        rows = [
            QueueRow(
                stats=queue,
                rates=facts.rates.get(queue.queue, QueueRates()),
                plots=plots_of(parts.series(queue.queue)),
            )
            for queue in facts.queues
        ]
        return page(
            parts, "overview.html", troubles=found, verdict=verdict(found), facts=facts, rows=rows, totals=totals
        )

    @pages.get("/find")
    @needs(Scope.SERVICE, for_workspaces=True)
    def find() -> Response:
        wanted = request.args.get("id", "").strip()[:200]
        if not wanted:
            address = url_for(f"{NAME}.overview")
        elif ObjectId.is_valid(wanted):
            address = url_for(f"{NAME}.message", message_id=wanted)
        elif _LIKE_A_RECIPIENT.fullmatch(wanted):
            address = url_for(f"{NAME}.messages", to=wanted)
        else:
            address = url_for(f"{NAME}.job", job_id=wanted)
        return as_response(redirect(address, code=303))


def _of_workspace(parts: Parts, workspace: str) -> Response:
    facts = facts_of_workspace(parts, workspace)
    found = troubles(facts)
    asked = HistoryQuery(workspace_id=workspace)
    latest = unless_away(lambda: parts.history.page(asked, cursor="", limit=_JOBS_SHOWN), _NOTHING)
    return page(parts, "workspace.html", troubles=found, verdict=verdict(found), jobs=latest.jobs)
