"""Who is logged in: a signed cookie that holds no secret, and the token that every change must show against forgery.

A session is signed with a key that is made from the very token that opened it. So there is nothing to store, every
gateway knows the sessions of all others, and a token that is rotated out takes its sessions with it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer

from libs.common.settings import Settings, tokens_of
from services.gateway.auth import Caller, Scope, fingerprint_of, workspace_tokens

COOKIE: Final = "tuco_session"
LIFETIME: Final = timedelta(hours=12)

_PURPOSE: Final = b"tuco-jobs dashboard session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who has logged in.

    Args:
        caller: what they may do, by which token.
        csrf_token: what each change that they ask for must show.
        name: by which their changes are told apart from others' in logs; says nothing about the token.
    """

    caller: Caller
    csrf_token: str
    name: str


@dataclass(frozen=True, slots=True)
class _Key:
    caller: Caller
    secret: bytes


class Sessions:
    """Opens and reads sessions.

    Args:
        settings: gives the tokens; a session of one that is bound to a workspace is bound to it too. Where there are
            none, as ``dev`` allows, everyone may do everything, in sessions that only this process knows.
        lifetime: after which one logs in again.
    """

    def __init__(self, settings: Settings, *, lifetime: timedelta = LIFETIME) -> None:
        given = {Scope.SERVICE: tokens_of(settings.service_token), Scope.ADMIN: tokens_of(settings.admin_token)}
        self._keys = [
            _Key(Caller(scope, fingerprint_of(token)), _key_of(token))
            for scope, tokens in given.items()
            for token in tokens
        ] + [
            _Key(Caller(Scope.SERVICE, fingerprint_of(token), workspace), _key_of(token))
            for workspace, token in workspace_tokens(settings)
        ]
        self.asks_for_token = bool(self._keys)
        """Whether one must log in at all."""
        self._for_everyone = _Key(Caller(Scope.ADMIN), secrets.token_bytes(32))
        self._lifetime_s = lifetime.total_seconds()

    def open(self, token: str) -> str | None:
        """The cookie of a new session for who shows this token; ``None`` for a token that is none of ours."""
        shown = _key_of(token)
        # All are compared, whichever matches, so that time tells nothing.
        held = [key for key in self._keys if hmac.compare_digest(key.secret, shown)]
        return _new(held[0]) if held else None

    def open_for_everyone(self) -> str:
        """The cookie of a new session where there are no tokens to ask for."""
        return _new(self._for_everyone)

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; ``None`` where it is forged, too old, or its token is no longer one of ours."""
        if not cookie:
            return None
        keys: Sequence[_Key] = self._keys if self.asks_for_token else [self._for_everyone]
        return next((session for key in keys if (session := self._read(cookie, key))), None)

    def _read(self, cookie: str, key: _Key) -> Session | None:
        try:
            held: Any = _serializer(key).loads(cookie, max_age=int(self._lifetime_s))
        except BadData:
            return None
        if not isinstance(held, str):
            return None
        csrf_token = hmac.new(key.secret, b"csrf " + held.encode(), hashlib.sha256).hexdigest()
        name = f"{key.caller.scope.name.lower()}-{held[:8]}"
        return Session(caller=key.caller, csrf_token=csrf_token, name=name)


def shows(session: Session, csrf_token: str) -> bool:
    """Whether a request that showed ``csrf_token`` came from one of our own pages."""
    return hmac.compare_digest(session.csrf_token.encode(), csrf_token.encode("utf-8", "surrogateescape"))


def _new(key: _Key) -> str:
    cookie: str | bytes = _serializer(key).dumps(secrets.token_urlsafe(16))
    return cookie if isinstance(cookie, str) else cookie.decode()


def _serializer(key: _Key) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key.secret, salt=_PURPOSE, signer_kwargs={"digest_method": hashlib.sha256})


def _key_of(token: str) -> bytes:
    return hmac.new(token.encode("utf-8", "surrogateescape"), _PURPOSE, hashlib.sha256).digest()
