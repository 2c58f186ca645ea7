"""The access token of an integration: kept with its credentials, renewed once by one worker while others wait."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from libs.common.clock import Clock
from libs.common.logging import get_logger
from libs.common.stores.integrations import IntegrationStore
from services.sync.sources.contract import AuthRejected, SourceUnavailable
from services.sync.sources.pauses import Pauses

log = get_logger(__name__)

ACCESS_TOKEN: Final = "accessToken"  # noqa: S105 - the name of a field, not its secret
EXPIRES_AT: Final = "accessTokenExpiresAt"

LEASE: Final = timedelta(seconds=75)
"""How long a worker may take to renew a token before another tries: longer than one call's time-outs together."""

EARLY: Final = timedelta(seconds=60)
"""A token that expires within this time is renewed before it is used."""

_POLL_S: Final = 0.1


class TokenIssuer(Protocol):
    """Gets new access tokens from a CRM."""

    def issue(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """What changes in the credentials: ``accessToken``, ``accessTokenExpiresAt`` where the CRM says so, and
        whatever else the CRM handed out with it, such as a new refresh token.

        Raises:
            AuthRejected: the CRM does not accept the credentials.
            SourceError: the CRM could not be asked.
        """
        ...


class StoredAccessTokens:
    """The access token of one integration.

    Args:
        store: where the credentials are.
        integration_id: whose.
        issuer: gets new tokens; ``None`` where the credentials are a token that does not change.
        owner: names this worker's attempt.
        pauses: waits.
        clock: tells the time.
    """

    def __init__(
        self,
        store: IntegrationStore,
        integration_id: str,
        *,
        issuer: Callable[[Mapping[str, str]], TokenIssuer | None],
        owner: str,
        pauses: Pauses,
        clock: Clock,
    ) -> None:
        self._store = store
        self._integration_id = integration_id
        self._issuer = issuer
        self._owner = owner
        self._pauses = pauses
        self._clock = clock
        self._known: Mapping[str, str] | None = None

    def current(self) -> Mapping[str, str]:
        """The credentials with an access token that is believed to be good.

        Raises:
            SourceError: a new token was needed and could not be had.
            StoreUnavailable: MongoDB is away.
        """
        if self._known is None:
            self._known = self._store.credentials_of(self._integration_id).values
        if self._issuer(self._known) and self._is_due(self._known):
            self._known = self._renew(refused=self._known.get(ACCESS_TOKEN))
        return self._known

    def renewed(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        """The credentials with another access token than the refused one.

        Raises:
            AuthRejected: there is none to be had.
            SourceError: it could not be had.
            StoreUnavailable: MongoDB is away.
        """
        self._known = self._renew(refused=refused.get(ACCESS_TOKEN))
        return self._known

    def _renew(self, *, refused: str | None) -> Mapping[str, str]:
        give_up_at = self._clock.now() + 2 * LEASE
        stored = self._store.credentials_of(self._integration_id)
        status = stored.status
        while self._clock.now() < give_up_at:
            if stored.values.get(ACCESS_TOKEN) not in (None, refused) and not self._is_due(stored.values):
                return stored.values
            if stored.status is not status:
                raise AuthRejected(stored.status_reason or "the credentials were refused")
            now = self._clock.now()
            mine = self._store.begin_renewal(self._integration_id, owner=self._owner, at=now, lease=LEASE)
            if mine is None:
                self._pauses.wait(_POLL_S)
                stored = self._store.credentials_of(self._integration_id)
            elif mine.values.get(ACCESS_TOKEN) != stored.values.get(ACCESS_TOKEN):
                self._store.end_renewal(self._integration_id, owner=self._owner, renewed=None, at=now)
                stored = mine
            else:
                return self._issue(mine.values)
        raise SourceUnavailable("another worker has been renewing the access token for too long")

    def _issue(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        renewed: Mapping[str, str] | None = None
        try:
            renewed = {**credentials, **self._issued(credentials)}
        except AuthRejected as error:
            # Said while the others still wait, so that they need not ask in vain.
            self._store.set_needs_attention(self._integration_id, str(error), at=self._clock.now())
            raise
        finally:
            self._store.end_renewal(self._integration_id, owner=self._owner, renewed=renewed, at=self._clock.now())
        log.info("access_token.renewed", integration_id=self._integration_id)
        return renewed

    def _issued(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        issuer = self._issuer(credentials)
        if issuer is None:
            raise AuthRejected("the access token was refused, and there is no way to get another")
        return issuer.issue(credentials)

    def _is_due(self, credentials: Mapping[str, str]) -> bool:
        if not credentials.get(ACCESS_TOKEN):
            return True
        expires_at = credentials.get(EXPIRES_AT)
        return bool(expires_at) and datetime.fromisoformat(str(expires_at)) - EARLY <= self._clock.now()


def expiring(token: str, *, lives_s: float | None, now: datetime) -> dict[str, str]:
    """The fields of a new access token.

    Args:
        token: the token.
        lives_s: seconds that it lives; ``None`` where the CRM does not say.
        now: aware.
    """
    moment = "" if lives_s is None else (now + timedelta(seconds=lives_s)).astimezone(UTC).isoformat()
    return {ACCESS_TOKEN: token, EXPIRES_AT: moment}
