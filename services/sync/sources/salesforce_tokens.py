"""Access tokens of Salesforce: by refresh token, or by a signed assertion (JWT bearer, RFC 7523).

``simple-salesforce`` cannot use a refresh token, and sends its assertions to salesforce.com only; both are one form
post (Salesforce help, "OAuth 2.0 Refresh Token Flow", "OAuth 2.0 JWT Bearer Flow"). The answer does not say how long a
token lives, so it is renewed when it is refused.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import jwt
import requests

from libs.common.clock import Clock
from services.sync.sources.answers import refusal
from services.sync.sources.contract import AuthRejected, SourceUnavailable, WrongRequest
from services.sync.sources.http_session import CrmSession
from services.sync.sources.tokens import expiring

INSTANCE_URL: Final = "accessTokenInstanceUrl"
"""Where the access token is good; Salesforce says it with each token."""

LOGIN_URL: Final = "https://login.salesforce.com"
_SANDBOX_URL: Final = "https://test.salesforce.com"
_ASSERTION_LIVES: Final = timedelta(minutes=3)


class SalesforceTokens:
    """Gets access tokens.

    Args:
        base_url: the address that stands in for Salesforce's own; usually empty.
        clock: tells the time.
    """

    def __init__(self, base_url: str, *, clock: Clock) -> None:
        self._base_url = base_url.rstrip("/")
        self._clock = clock

    def issue(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """A new access token, and the address where it is good."""
        login_url = self._base_url or credentials.get("instanceUrl", "").rstrip("/") or LOGIN_URL
        form = self._by_refresh_token(credentials) if credentials.get("refreshToken") else self._by_key(credentials)
        session = CrmSession(login_url, self._base_url)
        try:
            with session:
                answer = session.post(f"{login_url}/services/oauth2/token", data=form, allow_redirects=False)
                body = answer.json()
        except requests.RequestException as error:
            raise SourceUnavailable(f"Salesforce did not answer: {type(error).__name__}") from error
        if not answer.ok:
            said = f"{body.get('error', '')}: {body.get('error_description', '')}" if isinstance(body, dict) else ""
            refused = refusal(
                answer.status_code,
                said,
                headers=dict(answer.headers),
                now=self._clock.now(),
                usual_wait=timedelta(minutes=1),
            )
            if isinstance(refused, WrongRequest):
                raise AuthRejected(f"Salesforce refused the credentials: {said}")
            raise refused
        renewed = expiring(body["access_token"], lives_s=None, now=self._clock.now())
        return {**renewed, INSTANCE_URL: body.get("instance_url", "")}

    def _by_refresh_token(self, credentials: Mapping[str, str]) -> dict[str, str]:
        return {
            "grant_type": "refresh_token",
            "client_id": credentials["clientId"],
            "client_secret": credentials["clientSecret"],
            "refresh_token": credentials["refreshToken"],
        }

    def _by_key(self, credentials: Mapping[str, str]) -> dict[str, str]:
        host = urlsplit(credentials.get("instanceUrl", "")).hostname or ""
        claims = {
            "iss": credentials["clientId"],
            "sub": credentials["username"],
            "aud": _SANDBOX_URL if host == "test.salesforce.com" or ".sandbox." in host else LOGIN_URL,
            "exp": int((self._clock.now() + _ASSERTION_LIVES).timestamp()),
        }
        try:
            assertion = jwt.encode(claims, credentials["privateKey"], algorithm="RS256")
        except (ValueError, jwt.PyJWTError) as error:
            raise AuthRejected("the private key cannot be used") from error
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


def salesforce_issuer(base_url: str, *, clock: Clock) -> Callable[[Mapping[str, str]], SalesforceTokens | None]:
    """Who gets the tokens of given credentials."""
    issuer = SalesforceTokens(base_url, clock=clock)
    return lambda _credentials: issuer
