"""Lines: how each is, what it may do, and how it was in the last hours."""

from flask import Blueprint, Response

from services.gateway.auth import Scope, needs
from services.gateway.dashboard.lines import LOOKED_BACK, MOST_LINES
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page


def add_lines(pages: Blueprint, parts: Parts) -> None:
    """Adds the page of the lines."""

    @pages.get("/lines")
    @needs(Scope.SERVICE)
    def lines() -> Response:
        rows = parts.lines.all_with_history(parts.clock.now())
        return page(
            parts,
            "lines.html",
            rows=rows,
            hours=int(LOOKED_BACK.total_seconds() // 3600),
            cut=len(rows) >= MOST_LINES,
        )
