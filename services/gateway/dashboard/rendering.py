"""Answering with pages: whole ones, or only their middle for a page that is already open and refreshes itself."""

from typing import Any, Final

from flask import Response, g, make_response, render_template, request

from services.gateway.auth import bound_workspace
from services.gateway.dashboard.access import NAME, current_session, may_change
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.said import read_said

FRAGMENT_HEADER: Final = "X-Fragment"

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def page(parts: Parts, template: str, *, status: int = 200, **shown: Any) -> Response:
    """The page of a template, or what is in its middle where that is what was asked for.

    Args:
        parts: what pages are made of.
        template: its file's name.
        status: the HTTP status.
        shown: what the template is given.
    """
    only_middle = FRAGMENT_HEADER in request.headers
    session = current_session()
    text = render_template(
        f"{NAME}/{template}",
        layout=f"{NAME}/{'fragment' if only_middle else 'base'}.html",
        queue_names=parts.queues,
        may_change=may_change(),
        workspace=bound_workspace(),
        logged_in=session is not None or g.get("scope", 0) > 0,
        asks_for_token=parts.sessions.asks_for_token,
        csrf=session.csrf_token if session else "",
        said=None if only_middle else read_said(),
        now=parts.clock.now(),
        **shown,
    )
    answer = make_response(text, status)
    answer.headers["Vary"] = FRAGMENT_HEADER
    return answer


def harden(answer: Response) -> Response:
    """What a page may load: our own files, nothing from elsewhere, and no script or style within the page."""
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return answer
