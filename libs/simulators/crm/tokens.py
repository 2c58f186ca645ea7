"""OAuth tokens: access tokens that expire, refresh tokens that can be revoked, and signed assertions."""

import base64
import binascii
import secrets
import threading
import time
from collections.abc import Callable, Collection
from functools import cached_property
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is worth. `expired_at` is in seconds since 1970, None while it has not expired."""

    known: bool
    expired_at: float | None = None

    @property
    def good(self) -> bool:
        """Whether a call with the token may go on."""
        return self.known and self.expired_at is None


class Tokens:
    """The tokens that one simulator issued.

    Args:
        prefix: how its access tokens begin.
        lifetime: seconds that an access token lives.
        wall: seconds since 1970.

    Attributes:
        permanent: an access token that never expires, such as a private app's.
        refresh_token: the refresh token that is good now.

    """

    def __init__(self, prefix: str, lifetime: float, *, wall: Callable[[], float] = time.time) -> None:
        self.lifetime = lifetime
        self.prefix = prefix
        self.permanent = f"{prefix}{secrets.token_urlsafe(24)}"
        self.refresh_token = secrets.token_urlsafe(32)
        self._wall = wall
        self._expiry: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self) -> str:
        """Return a new access token, good for `lifetime` seconds."""
        token = f"{self.prefix}{secrets.token_urlsafe(24)}"
        with self._lock:
            self._expiry[token] = self._wall() + self.lifetime
        return token

    def judge(self, token: str | None) -> Verdict:
        """Return what a token is worth now."""
        if token is not None and secrets.compare_digest(token.encode(), self.permanent.encode()):
            return Verdict(known=True)
        with self._lock:
            expiry = self._expiry.get(token or "")
        if expiry is None:
            return Verdict(known=False)
        return Verdict(known=True, expired_at=expiry if expiry <= self._wall() else None)

    def expire_all(self) -> None:
        """Make every issued access token expired from now on; the permanent one stays good."""
        with self._lock:
            now = self._wall()
            self._expiry = dict.fromkeys(self._expiry, now)

    def renew_permanent(self) -> str:
        """Replace the permanent token, so that the old one is unknown from now on; return the new one."""
        self.permanent = f"{self.prefix}{secrets.token_urlsafe(24)}"
        return self.permanent

    def renew_refresh_token(self) -> str:
        """Replace the refresh token, so that the old one is refused from now on; return the new one."""
        self.refresh_token = secrets.token_urlsafe(32)
        return self.refresh_token


class AssertionRefused(Exception):
    """A signed assertion did not pass; `reason` is one of `signature`, `audience`, `issuer`, `subject`, `lifetime`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SigningKey:
    """An RSA key pair whose private half a client signs with, made on first use."""

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    @cached_property
    def private_pem(self) -> str:
        """The private key as PKCS 8 PEM, as a client's configuration holds it."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def claims(
        self, assertion: str, *, issuer: str, audiences: Collection[str], subject: str | None, now: float
    ) -> dict[str, Any]:
        """Return the claims of an RS256 assertion (RFC 7523) after checking it.

        Args:
            assertion: the compact JWS.
            issuer: what `iss` must be.
            audiences: what `aud` may be.
            subject: what `sub` must be, None where it does not matter.
            now: seconds since 1970.

        Raises:
            AssertionRefused: with the first reason found.

        """
        header, _, signature = assertion.rpartition(".")
        try:
            self._key.public_key().verify(_decoded(signature), header.encode(), padding.PKCS1v15(), hashes.SHA256())
            claims = msgspec.json.decode(_decoded(header.partition(".")[2]), type=dict[str, Any])
            expires = float(claims["exp"])
        except (InvalidSignature, binascii.Error, ValueError, KeyError, TypeError) as error:
            raise AssertionRefused("signature") from error
        for reason, passed in (
            ("issuer", claims.get("iss") == issuer),
            ("audience", claims.get("aud") in audiences),
            ("subject", subject is None or claims.get("sub") == subject),
            ("lifetime", now < expires),
        ):
            if not passed:
                raise AssertionRefused(reason)
        return claims


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
