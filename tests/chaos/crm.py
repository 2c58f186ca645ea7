"""A simulated CRM, and the integration by which an installation syncs with it."""

from contextlib import ExitStack

from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault
from libs.common.integrations.model import IntegrationSettings, Provider
from libs.common.settings import Settings
from libs.common.stores.integrations import IntegrationStore, NewIntegration
from libs.common.stores.mongo import Document
from libs.simulators.crm.people import TIDY
from libs.simulators.faults import Fault, NetworkFault
from libs.simulators.hubspot import running_hubspot

CRM_WORKSPACE = "chaos-crm"
"""Its leads are apart from those whose availability is asked, so that no two of them are one person."""

_PAGE_S = 0.5


class Crm:
    """A HubSpot with tidy contacts that takes half a second for a page, so that faults meet a sync on its way.

    Args:
        things: ends it.
        contacts: how many contacts it holds.
    """

    def __init__(self, things: ExitStack, *, contacts: int) -> None:
        self._hubspot = things.enter_context(running_hubspot(contacts, shape=TIDY))
        self._hubspot.inject(Fault(fault=NetworkFault.SLOW_ANSWER, endpoint="contacts.list", seconds=_PAGE_S))
        self.contacts = [self._hubspot.contact_id(index) for index in range(contacts)]
        """Their ids."""

    def integrate(self, database: Database[Document], settings: Settings) -> str:
        """Write the integration down; answer its id."""
        store = IntegrationStore(database, CredentialsVault(settings.credentials_key))
        return store.add(
            NewIntegration(
                workspace_id=CRM_WORKSPACE,
                provider=Provider.HUBSPOT,
                credentials={
                    "clientId": self._hubspot.client_id,
                    "clientSecret": self._hubspot.client_secret,
                    "refreshToken": self._hubspot.refresh_token,
                },
                settings=IntegrationSettings(base_url=self._hubspot.url, calls_per_second=0),
            ),
            at=SystemClock().now(),
        )
