"""Who may call what: every route declares its scope, every request shows a token that has it.

The smallest use::

    @blueprint.get("/stats")
    @needs(Scope.SERVICE)
    def stats() -> Response: ...
"""

import hashlib
import hmac
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from flask import Flask, current_app, g, request
from werkzeug.datastructures import Headers, WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from libs.common.errors import SettingsError
from libs.common.settings import Settings, tokens_of

View = TypeVar("View", bound=Callable[..., Any])


class Scope(IntEnum):
    """What a token allows; each includes those before it."""

    OPEN = 0
    """Anyone, without a token."""
    SERVICE = 1
    """The app: read and enqueue."""
    ADMIN = 2
    """An engineer: everything."""


_SCOPES: dict[Callable[..., Any], Scope] = {}


def needs(scope: Scope) -> Callable[[View], View]:
    """Declares the scope of a route; a route without one answers nobody."""

    def declare(view: View) -> View:
        _SCOPES[view] = scope
        return view

    return declare


def scope_of(view: Callable[..., Any]) -> Scope | None:
    """The scope that a route declares."""
    return _SCOPES.get(view)


class Tokens:
    """The tokens of this installation, compared in constant time.

    Args:
        settings: gives the tokens; in ``dev`` there may be none, and then everyone may do everything.

    Raises:
        SettingsError: tokens are missing outside ``dev``, or one token would have both scopes.
    """

    def __init__(self, settings: Settings) -> None:
        given = {Scope.SERVICE: tokens_of(settings.service_token), Scope.ADMIN: tokens_of(settings.admin_token)}
        if settings.environment != "dev":
            missing = [f"{scope.name}_TOKEN is not set" for scope, tokens in given.items() if not tokens]
            if missing:
                raise SettingsError("; ".join(missing) + "; only ENVIRONMENT=dev runs without tokens")
        if set(given[Scope.SERVICE]) & set(given[Scope.ADMIN]):
            raise SettingsError("SERVICE_TOKEN and ADMIN_TOKEN share a token; they should differ")
        self._known = [(_digest(token), scope) for scope, tokens in given.items() for token in tokens]

    def scope_held(self, headers: Headers) -> Scope:
        """What the request's token allows.

        Raises:
            Unauthorized: there is a token and it is none of ours.
        """
        if not self._known:
            return Scope.ADMIN
        token = _token_in(headers)
        if token is None:
            return Scope.OPEN
        shown = _digest(token)
        # All tokens are compared, whichever matches, so that time tells nothing.
        held = [scope for digest, scope in self._known if hmac.compare_digest(digest, shown)]
        if not held:
            raise Unauthorized("The token is not known.", www_authenticate=_challenge("invalid_token"))
        return held[0]


def guard(app: Flask, tokens: Tokens, *, otherwise: Callable[[], Scope] = lambda: Scope.OPEN) -> None:
    """Checks every request's scope before its route is called.

    Args:
        app: the app.
        tokens: this installation's.
        otherwise: what a request without a token may do, by whatever else it shows.
    """

    @app.before_request
    def check_scope() -> None:
        if request.endpoint is None:
            return
        view = current_app.view_functions[request.endpoint]
        wanted = scope_of(view)
        if wanted is None:
            raise RuntimeError(f"the route {request.endpoint} declares no scope")
        g.scope = tokens.scope_held(request.headers) or otherwise()
        if g.scope >= wanted:
            return
        if g.scope is Scope.OPEN:
            raise Unauthorized(
                "Send a token as 'Authorization: Bearer ...' or 'x-service-token'.", www_authenticate=_challenge()
            )
        raise Forbidden(f"This call needs the {wanted.name}_TOKEN.")


def _token_in(headers: Headers) -> str | None:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-service-token", "").strip() or None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _challenge(error: str | None = None) -> WWWAuthenticate:
    values = {"realm": "tuco-jobs"} | ({"error": error} if error else {})
    return WWWAuthenticate("bearer", dict(values))
