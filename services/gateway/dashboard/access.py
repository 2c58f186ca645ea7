"""Who may see and change what in the dashboard, request by request."""

from dataclasses import replace
from functools import partial
from typing import Final

from flask import Blueprint, Response, g, redirect, request, url_for
from werkzeug.exceptions import Forbidden

from libs.common.logging import get_logger
from services.gateway.auth import NOBODY, Caller, Scope, bound_workspace
from services.gateway.dashboard.sessions import COOKIE, LIFETIME, Session, Sessions, shows

log = get_logger(__name__)

NAME: Final = "dashboard"
_LONGEST_WORKSPACE: Final = 200
_SAFE: Final = frozenset({"GET", "HEAD"})
_WITHOUT_SESSION: Final = frozenset({f"{NAME}.login", f"{NAME}.asset"})


def caller_by_session(sessions: Sessions) -> Caller:
    """Who makes a request by its session: somebody on the dashboard's own pages, nobody elsewhere."""
    if request.blueprint != NAME:
        return NOBODY
    session = sessions.read(request.cookies.get(COOKIE))
    return replace(session.caller, name=session.name) if session else NOBODY


def current_session() -> Session | None:
    """The session of this request."""
    session: Session | None = g.get("dashboard_session")
    return session


def may_change() -> bool:
    """Whether this request's page shows buttons."""
    scope: Scope = g.get("scope", Scope.OPEN)
    return scope >= Scope.ADMIN


def workspace_asked() -> str | None:
    """The workspace that a page is about: the only one that the person may see, or the one asked for, or all."""
    return bound_workspace() or request.args.get("workspace", "").strip()[:_LONGEST_WORKSPACE] or None


def watch(pages: Blueprint, sessions: Sessions) -> None:
    """Reads the session before each page, and lets no change through that does not show its token."""

    @pages.before_request
    def read_session() -> None:
        g.dashboard_session = sessions.read(request.cookies.get(COOKIE))
        if g.dashboard_session is None and not sessions.asks_for_token:
            g.new_cookie = sessions.open_for_everyone()
            g.dashboard_session = sessions.read(g.new_cookie)
        if request.method in _SAFE or request.endpoint in _WITHOUT_SESSION:
            return
        session = current_session()
        shown = request.form.get("csrf", "") or request.headers.get("X-CSRF-Token", "")
        # A request that shows a token of the API in a header cannot have been made by another site's page.
        if session is not None and not shows(session, shown):
            raise Forbidden("This page is too old, or the request came from elsewhere; open the page again.")

    @pages.after_request
    def give_cookie(answer: Response) -> Response:
        if cookie := g.get("new_cookie"):
            set_cookie(answer, cookie)
        return answer


def set_cookie(answer: Response, cookie: str) -> None:
    """Gives the browser a session."""
    secure = request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    keep = partial(answer.set_cookie, path=_path(), httponly=True, samesite="Strict", secure=secure)
    keep(COOKIE, cookie, max_age=int(LIFETIME.total_seconds()))


def forget_cookie(answer: Response) -> None:
    """Ends the browser's session."""
    answer.delete_cookie(COOKIE, path=_path(), httponly=True, samesite="Strict")


def to_login() -> Response:
    """Sends a person who is not logged in to the login, and back to the page afterwards."""
    wanted = request.full_path.rstrip("?") if request.method in _SAFE else ""
    return as_response(redirect(url_for(f"{NAME}.login", next=wanted or None), code=303))


def as_response(answer: object) -> Response:
    """Flask's own kind of answer."""
    if not isinstance(answer, Response):
        raise TypeError(f"expected a response, got {type(answer).__name__}")
    return answer


def _path() -> str:
    return url_for(f"{NAME}.overview").rstrip("/")
