"""Lines: how each is, what it may do, and how it was in the last hours."""

from flask import Blueprint, Response

from services.gateway.auth import Scope, bound_workspace, needs
from services.gateway.dashboard.access import workspace_asked
from services.gateway.dashboard.line_usage import uses_of
from services.gateway.dashboard.lines import LOOKED_BACK, MOST_LINES
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page


def add_lines(pages: Blueprint, parts: Parts) -> None:
    """Adds the page of the lines."""

    @pages.get("/lines")
    @needs(Scope.SERVICE, for_workspaces=True)
    def lines() -> Response:
        now = parts.clock.now()
        workspace = workspace_asked()
        rows = parts.lines.all_with_history(now, workspace)
        uses, is_whole = uses_of([row.workspace_id for row in rows], parts.messages.books, now=now)
        return page(
            parts,
            "lines.html",
            rows=rows,
            uses=uses,
            is_whole=is_whole,
            workspace_filter=None if bound_workspace() else workspace,
            hours=int(LOOKED_BACK.total_seconds() // 3600),
            cut=len(rows) >= MOST_LINES,
        )
