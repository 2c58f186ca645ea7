"""Logging in with a token, and out."""

from typing import Final

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.exceptions import Forbidden

from libs.common.logging import get_logger
from services.gateway.auth import Scope, needs
from services.gateway.dashboard.access import NAME, as_response, current_session, forget_cookie, set_cookie
from services.gateway.dashboard.parts import Parts
from services.gateway.dashboard.rendering import page
from services.gateway.guessing import GUESSES, GuessLimits

log = get_logger(__name__)

_LONGEST_TOKEN: Final = 1_000


def add_login(pages: Blueprint, parts: Parts) -> None:
    """Adds the login page and the way out."""

    @pages.route("/login", methods=["GET", "POST"])
    @needs(Scope.OPEN)
    def login() -> Response:
        wanted = _own_page(request.values.get("next", ""))
        if request.method == "GET":
            if current_session() is not None:
                return as_response(redirect(wanted, code=303))
            return page(parts, "login.html", wanted=wanted, refused=False)
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Forbidden("Log in on this site's own page.")
        guesses: GuessLimits = current_app.extensions.get(GUESSES) or GuessLimits()
        address = request.remote_addr or ""
        guesses.check(address, "")
        cookie = parts.sessions.open(request.form.get("token", "")[:_LONGEST_TOKEN].strip())
        if cookie is None:
            guesses.was_wrong(address)
            log.warning("login.refused")
            return page(parts, "login.html", status=401, wanted=wanted, refused=True)
        log.info("login.accepted")
        answer = as_response(redirect(wanted, code=303))
        set_cookie(answer, cookie)
        return answer

    @pages.post("/logout")
    @needs(Scope.SERVICE, for_workspaces=True)
    def logout() -> Response:
        answer = as_response(redirect(url_for(f"{NAME}.login"), code=303))
        forget_cookie(answer)
        return answer


def _own_page(wanted: str) -> str:
    """The address within the dashboard that was asked for, or the overview's: never another site's."""
    overview = url_for(f"{NAME}.overview")
    root = overview.rstrip("/")
    plain = wanted.isprintable() and "\\" not in wanted and "//" not in wanted
    return wanted if plain and (wanted == root or wanted.startswith((f"{root}/", f"{root}?"))) else overview
