"""The dashboard as one blueprint: its pages, its files, and what holds for all of them."""

from pathlib import Path
from typing import Final

from flask import Blueprint, Response, g, render_template, request, send_from_directory, url_for
from jinja2 import StrictUndefined
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized

from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from services.gateway.answers import problem_answer, problem_of
from services.gateway.auth import Scope, needs
from services.gateway.dashboard.access import NAME, as_response, current_session, to_login, watch
from services.gateway.dashboard.login import add_login
from services.gateway.dashboard.pages.changed import add_changed
from services.gateway.dashboard.pages.dead import add_dead
from services.gateway.dashboard.pages.integrations import add_integrations
from services.gateway.dashboard.pages.job import add_job
from services.gateway.dashboard.pages.lines import add_lines
from services.gateway.dashboard.pages.lists import add_lists
from services.gateway.dashboard.pages.messages import add_messages
from services.gateway.dashboard.pages.overview import add_overview
from services.gateway.dashboard.pages.queue import add_queue
from services.gateway.dashboard.pages.schedules import add_schedules
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import harden, page
from services.gateway.dashboard.said import forget_said
from services.gateway.dashboard.words import (
    STATE_NAMES,
    a_minute,
    moment,
    number,
    pretty,
    some,
    span,
    span_or_dash,
    stamp,
)
from services.gateway.streams import MEDIA_TYPE

log = get_logger(__name__)

PREFIX: Final = "/dashboard"
_STATIC: Final = Path(__file__).parent / "static"
_OLDEST_ASSET_S: Final = 0


def dashboard_routes(parts: Parts) -> Blueprint:
    """The dashboard's pages."""
    pages = Blueprint(NAME, __name__, template_folder="templates", static_folder=None)
    pages.record(lambda state: state.app.jinja_env.filters.update(_FILTERS))
    pages.record(lambda state: setattr(state.app.jinja_env, "undefined", StrictUndefined))
    watch(pages, parts.sessions)
    pages.after_request(harden)
    pages.after_request(forget_said)
    _answer_errors(pages, parts)
    for add in (
        add_login,
        add_overview,
        add_queue,
        add_job,
        add_changed,
        add_dead,
        add_lists,
        add_messages,
        add_lines,
        add_integrations,
        add_schedules,
    ):
        add(pages, parts)
    _add_events(pages, parts)
    _add_files(pages)
    return pages


_FILTERS: Final = {
    "span": span,
    "moment": moment,
    "number": number,
    "some": some,
    "pretty": pretty,
    "stamp": stamp,
    "a_minute": a_minute,
    "span_or_dash": span_or_dash,
    "state_name": lambda state: STATE_NAMES.get(str(state), str(state)),
}


def _add_events(pages: Blueprint, parts: Parts) -> None:
    @pages.get("/events")
    @needs(Scope.SERVICE)
    def events() -> Response:
        # A stream that is not read would never be closed either.
        told = () if request.method == "HEAD" else parts.events(request.headers.get("Last-Event-ID", ""))
        # Proxies such as nginx would otherwise collect events before they pass them on.
        return Response(told, content_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


def _add_files(pages: Blueprint) -> None:
    @pages.get("/static/<path:name>")
    @needs(Scope.OPEN)
    def asset(name: str) -> Response:
        return send_from_directory(_STATIC, name, max_age=_OLDEST_ASSET_S)

    @pages.get("/<path:_anything>")
    @needs(Scope.SERVICE, for_workspaces=True)
    def nothing(_anything: str) -> Response:
        raise NotFound("There is no such page.")


def _answer_errors(pages: Blueprint, parts: Parts) -> None:
    """A browser is told of errors on a page, and sent to the login where that is what is missing."""

    @pages.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        if not _is_browser():
            problem = problem_of(error)
            headers = dict(error.get_headers()) if isinstance(error, Unauthorized | Forbidden) else {}
            headers.pop("Content-Type", None)
            if problem.status >= 500 and problem.status != 503:
                log.error("page.failed", exc_info=error)
            return problem_answer(problem, headers)
        if isinstance(error, Unauthorized):
            return _opening_again() if _came_from_elsewhere() else to_login()
        problem = problem_of(error)
        if problem.status >= 500 and not isinstance(error, StoreUnavailable):
            log.error("page.failed", exc_info=error)
        return page(
            parts,
            "error.html",
            status=problem.status,
            title=problem.title,
            detail=problem.detail,
            request_id=g.get("request_id", ""),
        )


def _is_browser() -> bool:
    return "text/html" in request.headers.get("Accept", "") or "X-Fragment" in request.headers


def _came_from_elsewhere() -> bool:
    """Whether a link on another site led here: the browser has kept the session's cookie to itself then."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site" and current_session() is None


def _opening_again() -> Response:
    """A page that opens itself once more, this time as a step within our own site."""
    wanted = url_for(f"{NAME}.overview") if request.method != "GET" else request.full_path.rstrip("?")
    return as_response(Response(render_template(f"{NAME}/again.html", address=wanted), content_type="text/html"))
