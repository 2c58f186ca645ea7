"""Makes the source of an integration. A CRM's client is imported when the first of its integrations is synced."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.common.clock import Clock
from libs.common.integrations.model import Integration, Provider
from libs.common.stores.integrations import IntegrationStore
from services.sync.sources.calls import Calls
from services.sync.sources.contract import CrmSource
from services.sync.sources.pauses import Pauses
from services.sync.sources.tokens import StoredAccessTokens, TokenIssuer


class _MakeSource(Protocol):
    def __call__(self, integration: Integration, *, calls: Calls, pauses: Pauses, clock: Clock) -> CrmSource: ...


class _MakeIssuer(Protocol):
    def __call__(self, base_url: str, *, clock: Clock) -> Callable[[Mapping[str, str]], TokenIssuer | None]: ...


@dataclass(frozen=True, slots=True)
class _Adapter:
    source: _MakeSource
    issuer: _MakeIssuer


class SourceFactory:
    """Makes sources.

    Args:
        store: where integrations and their credentials are.
        clock: tells the time.
    """

    def __init__(self, store: IntegrationStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open(self, integration: Integration, *, owner: str) -> CrmSource:
        """The source of an integration, for one run or one question; close it when done.

        Args:
            integration: what to read.
            owner: names who reads, for others to see who renews a token.

        Raises:
            InvalidInput: the integration's field map or settings cannot be used.
        """
        pauses = Pauses()
        base_url = integration.settings.base_url
        adapter = _adapter_of(integration.provider)
        tokens = StoredAccessTokens(
            self._store,
            integration.id,
            issuer=adapter.issuer(base_url, clock=self._clock),
            owner=owner,
            pauses=pauses,
            clock=self._clock,
        )

        def limited(until: datetime) -> None:
            self._store.set_not_before(integration.id, until, at=self._clock.now())

        calls = Calls(tokens, provider=integration.provider.value, limited=limited, pauses=pauses, clock=self._clock)
        return adapter.source(integration, calls=calls, pauses=pauses, clock=self._clock)


def _adapter_of(provider: Provider) -> _Adapter:
    match provider:
        case Provider.HUBSPOT:
            from services.sync.sources.hubspot import HubSpotSource, hubspot_issuer

            return _Adapter(HubSpotSource, hubspot_issuer)
        case Provider.SALESFORCE:
            from services.sync.sources.salesforce import SalesforceSource
            from services.sync.sources.salesforce_tokens import salesforce_issuer

            return _Adapter(SalesforceSource, salesforce_issuer)
        case Provider.GOOGLE_SHEETS:
            from services.sync.sources.google_sheets import GoogleSheetsSource
            from services.sync.sources.google_tokens import google_issuer

            return _Adapter(GoogleSheetsSource, google_issuer)
