"""Who may call what: every route declares its scope, every request shows a token that has it.

The smallest use::

    @blueprint.get("/stats")
    @needs(Scope.SERVICE)
    def stats() -> Response: ...
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from flask import Flask, Request
from werkzeug.datastructures import Headers, WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from libs.common.errors import SettingsError
from libs.common.settings import Settings, tokens_of
from services.gateway.current import current_facts, current_request
from services.gateway.guessing import UNGUESSABLE_LENGTH, GuessLimits
from services.gateway.serving.wsgi import SMALL_BODY

View = TypeVar("View", bound=Callable[..., Any])


class Scope(IntEnum):
    """What a token allows; each includes those before it."""

    OPEN = 0
    """Anyone, without a token."""
    SERVICE = 1
    """The app: read and enqueue."""
    ADMIN = 2
    """An engineer: everything."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Args:
        scope: what the caller may do.
        fingerprint: tells one token from another without telling the token; empty without one.
        workspace_id: the only workspace that the caller may see and touch; ``None`` for every one.
        name: which session of the dashboard it is; empty for a token.
    """

    scope: Scope
    fingerprint: str = ""
    workspace_id: str | None = None
    name: str = ""


NOBODY = Caller(Scope.OPEN)
"""Who shows nothing."""
_EVERYBODY = Caller(Scope.ADMIN)

_SCOPES: dict[Callable[..., Any], Scope] = {}
_FOR_WORKSPACES: set[Callable[..., Any]] = set()


def needs(scope: Scope, *, for_workspaces: bool = False) -> Callable[[View], View]:
    """Declares the scope of a route; a route without one answers nobody.

    Args:
        scope: what a token must allow.
        for_workspaces: whether the route itself keeps to the workspace that a token is bound to; one that does not
            refuses such tokens.
    """

    def declare(view: View) -> View:
        _SCOPES[view] = scope
        if for_workspaces:
            _FOR_WORKSPACES.add(view)
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
        SettingsError: tokens are missing outside ``dev``, or one token would stand for two kinds of caller.
    """

    def __init__(self, settings: Settings) -> None:
        given = {Scope.SERVICE: tokens_of(settings.service_token), Scope.ADMIN: tokens_of(settings.admin_token)}
        if settings.environment != "dev":
            missing = [f"{scope.name}_TOKEN is not set" for scope, tokens in given.items() if not tokens]
            if missing:
                raise SettingsError("; ".join(missing) + "; only ENVIRONMENT=dev runs without tokens")
        if set(given[Scope.SERVICE]) & set(given[Scope.ADMIN]):
            raise SettingsError("SERVICE_TOKEN and ADMIN_TOKEN share a token; they should differ")
        bound = list(workspace_tokens(settings))
        if {token for _, token in bound} & {*given[Scope.SERVICE], *given[Scope.ADMIN]}:
            raise SettingsError("WORKSPACE_TOKENS shares a token with SERVICE_TOKEN or ADMIN_TOKEN; they should differ")
        self._known = [
            (_digest(token), Caller(scope, fingerprint_of(token)))
            for scope, tokens in given.items()
            for token in tokens
        ] + [(_digest(token), Caller(Scope.SERVICE, fingerprint_of(token), workspace)) for workspace, token in bound]

    def caller(self, shown: bytes | None) -> Caller:
        """Who makes a request.

        Args:
            shown: the digest of the token that comes with it; ``None`` where none does.

        Raises:
            Unauthorized: there is a token and it is none of ours.
        """
        if not self._known:
            return _EVERYBODY
        if shown is None:
            return NOBODY
        # All tokens are compared, whichever matches, so that time tells nothing.
        held = [caller for digest, caller in self._known if hmac.compare_digest(digest, shown)]
        if not held:
            raise Unauthorized("The token is not known.", www_authenticate=_challenge("invalid_token"))
        return held[0]


def guard(
    app: Flask,
    tokens: Tokens,
    *,
    otherwise: Callable[[], Caller] = lambda: NOBODY,
    admit: Callable[[Caller], None] = lambda _caller: None,
    guesses: GuessLimits | None = None,
) -> None:
    """Checks every request's scope before its route is called.

    Args:
        app: the app.
        tokens: this installation's.
        otherwise: who makes a request without a token, by whatever else it shows.
        admit: refuses, by raising, a caller who asks too often.
        guesses: refuses addresses that show too many unknown tokens.
    """

    @app.before_request
    def check_scope() -> None:
        asked, noted = current_request(), current_facts()
        if asked.url_rule is None:
            return
        view = app.view_functions[asked.url_rule.endpoint]
        wanted = scope_of(view)
        if wanted is None:
            raise RuntimeError(f"the route {asked.url_rule.endpoint} declares no scope")
        caller = _listened_to(asked, tokens, guesses)
        if caller.scope is Scope.OPEN:
            caller = otherwise()
        if caller.scope is Scope.OPEN:
            # A thread would wait for a larger one, for whoever it is.
            asked.max_content_length = SMALL_BODY
        noted.caller, noted.scope = caller, caller.scope
        admit(caller)
        if caller.workspace_id is not None and wanted > Scope.OPEN and view not in _FOR_WORKSPACES:
            raise Forbidden("This token is for one workspace; the call is about all of them.")
        if caller.scope >= wanted:
            return
        if caller.scope is Scope.OPEN:
            raise Unauthorized(
                "Send a token as 'Authorization: Bearer ...' or 'x-service-token'.", www_authenticate=_challenge()
            )
        raise Forbidden(f"This call needs the {wanted.name}_TOKEN.")


def _listened_to(asked: Request, tokens: Tokens, guesses: GuessLimits | None) -> Caller:
    token = _token_in(asked.headers)
    if token is None:
        return tokens.caller(None)
    shown = _digest(token)
    if guesses is None:
        return tokens.caller(shown)
    address, fingerprint = asked.remote_addr or "", _fingerprint(shown)
    try:
        caller = tokens.caller(shown)
    except Unauthorized:
        guesses.check(address, fingerprint)
        guesses.was_wrong(address)
        raise
    if len(token) < UNGUESSABLE_LENGTH:
        # Answered like a wrong one where the address has guessed too much, so trying tells nothing.
        guesses.check(address, fingerprint)
        guesses.was_good(address, fingerprint)
    return caller


def only_own(workspace_id: str | None) -> str | None:
    """The workspace that this request may be about: the one that is asked for, or the caller's own.

    Raises:
        Forbidden: the caller is bound to another one.
    """
    bound_to = bound_workspace()
    if bound_to is not None and workspace_id not in (None, bound_to):
        raise Forbidden(f"This token is for workspace {bound_to!r} only.")
    return workspace_id if bound_to is None else bound_to


def bound_workspace() -> str | None:
    """The only workspace that this request's caller may see and touch; ``None`` for every one."""
    caller: Caller | None = current_facts().get("caller")
    return caller.workspace_id if caller else None


def workspace_tokens(settings: Settings) -> Iterator[tuple[str, str]]:
    """The workspaces' ids, each with a token that is bound to it.

    Raises:
        SettingsError: a pair is none.
    """
    for place, pair in enumerate(tokens_of(settings.workspace_tokens), start=1):
        workspace, _, token = pair.partition("=")
        if not workspace.strip() or not token.strip():
            raise SettingsError(f"WORKSPACE_TOKENS is wrong: its pair {place} should be workspaceId=token")
        yield workspace.strip(), token.strip()


def _token_in(headers: Headers) -> str | None:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-service-token", "").strip() or None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def fingerprint_of(token: str) -> str:
    """Tells one token from another without telling the token."""
    return _fingerprint(_digest(token))


def _fingerprint(digest: bytes) -> str:
    return digest.hex()[:12]


def _challenge(error: str | None = None) -> WWWAuthenticate:
    values = {"realm": "tuco-jobs"} | ({"error": error} if error else {})
    return WWWAuthenticate("bearer", dict(values))
