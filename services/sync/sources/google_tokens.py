"""Access tokens of Google, through ``google-auth``: for a service account, or by refresh token."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta
from typing import Any, Final

from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from libs.common.clock import Clock
from services.sync.sources.contract import AuthRejected, SourceUnavailable
from services.sync.sources.http_session import CrmSession
from services.sync.sources.tokens import expiring

SCOPES: Final = ("https://www.googleapis.com/auth/spreadsheets.readonly",)
TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address

_LIVES: Final = timedelta(hours=1)
"""Where the answer does not say; https://developers.google.com/identity/protocols/oauth2/service-account"""


class GoogleTokens:
    """Gets access tokens.

    Args:
        base_url: the address that stands in for Google's; usually empty.
        clock: tells the time.
    """

    def __init__(self, base_url: str, *, clock: Clock) -> None:
        self._base_url = base_url.rstrip("/")
        self._clock = clock

    def issue(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """A new access token."""
        chosen = self._chosen(credentials)
        session = CrmSession(TOKEN_URL, "")
        if self._base_url:
            session.trust_env = False
        try:
            with session:
                chosen.refresh(Request(session))
        except RefreshError as error:
            if error.retryable:
                raise SourceUnavailable("Google gave no access token") from error
            raise AuthRejected(f"Google refused the credentials: {_said(error)}") from error
        except GoogleAuthError as error:
            raise SourceUnavailable(f"Google gave no access token: {type(error).__name__}") from error
        now = self._clock.now()
        lives = chosen.expiry.replace(tzinfo=UTC) - now if chosen.expiry else _LIVES
        return expiring(chosen.token, lives_s=lives.total_seconds(), now=now)

    def _chosen(self, credentials: Mapping[str, str]) -> Any:
        stand_in = f"{self._base_url}/token" if self._base_url else ""
        if key_file := credentials.get("serviceAccount"):
            from_info: Any = service_account.Credentials.from_service_account_info
            try:
                return from_info(json.loads(key_file), scopes=SCOPES)
            except (ValueError, TypeError) as error:
                raise AuthRejected("serviceAccount is not the content of a service account's key file") from error
        build: Any = user_credentials.Credentials
        return build(
            None,
            refresh_token=credentials["refreshToken"],
            token_uri=stand_in or TOKEN_URL,
            client_id=credentials["clientId"],
            client_secret=credentials["clientSecret"],
            scopes=SCOPES,
        )


def google_issuer(base_url: str, *, clock: Clock) -> Callable[[Mapping[str, str]], GoogleTokens | None]:
    """Who gets the tokens of given credentials."""
    issuer = GoogleTokens(base_url, clock=clock)
    return lambda _credentials: issuer


def _said(error: RefreshError) -> str:
    """What Google said; the assertion that it refused is not in it."""
    first = error.args[0] if error.args else ""
    return str(first)[:300]
