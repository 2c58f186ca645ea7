"""The three CRMs' stand-ins as integrations, alike for tests that hold for all of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from libs.common.integrations.model import Provider
from libs.simulators.crm.people import TIDY, Person, Shape
from libs.simulators.crm.service import CrmSimulator
from libs.simulators.google_sheets import GoogleSheetsSimulator, running_google_sheets
from libs.simulators.hubspot import HubSpotSimulator, running_hubspot
from libs.simulators.salesforce import SalesforceSimulator, running_salesforce
from tests.integration.sync.world import World


@dataclass(frozen=True)
class Crm:
    """A CRM in use.

    ``reading`` is the endpoint that gives rows in a full run, ``token`` the one that gives access tokens.
    """

    simulator: Any
    integration_id: str
    reading: str
    token: str

    def people(self) -> list[Person]:
        table = next(iter(self.simulator.tables.values()))
        return [table.row(index).person for index in range(len(table)) if not table.layer.is_deleted(index)]


@contextmanager
def hubspot(
    world: World, rows: int, *, shape: Shape | None = TIDY, oauth: bool = True, **options: Any
) -> Iterator[Crm]:
    settings, options = _split(options)
    with running_hubspot(rows, shape=shape, **options) as simulator:
        yield _hubspot(world, simulator, settings, oauth=oauth)


def _hubspot(world: World, simulator: HubSpotSimulator, settings: dict[str, Any], *, oauth: bool) -> Crm:
    credentials = {"accessToken": simulator.token}
    if oauth:
        credentials = {
            "clientId": simulator.client_id,
            "clientSecret": simulator.client_secret,
            "refreshToken": simulator.refresh_token,
        }
    integration_id = world.connect(Provider.HUBSPOT, credentials, base_url=simulator.url, **settings)
    return Crm(simulator, integration_id, "contacts.list", "token")


@contextmanager
def salesforce(
    world: World, rows: int, *, shape: Shape | None = TIDY, jwt: bool = False, **options: Any
) -> Iterator[Crm]:
    settings, options = _split(options)
    with running_salesforce(rows, shape=shape, **options) as simulator:
        yield _salesforce(world, simulator, settings, jwt=jwt)


def _salesforce(world: World, simulator: SalesforceSimulator, settings: dict[str, Any], *, jwt: bool) -> Crm:
    if jwt:
        credentials = {
            "username": simulator.username,
            "privateKey": simulator.private_key,
            "clientId": simulator.client_id,
        }
    else:
        credentials = {
            "instanceUrl": simulator.url,
            "clientId": simulator.client_id,
            "clientSecret": simulator.client_secret,
            "refreshToken": simulator.refresh_token,
        }
    integration_id = world.connect(Provider.SALESFORCE, credentials, base_url=simulator.url, **settings)
    return Crm(simulator, integration_id, "query", "token")


@contextmanager
def google_sheets(
    world: World, rows: int, *, shape: Shape | None = TIDY, oauth: bool = False, **options: Any
) -> Iterator[Crm]:
    settings, options = _split(options)
    with running_google_sheets(rows, shape=shape, **options) as simulator:
        yield _google_sheets(world, simulator, settings, oauth=oauth)


def _google_sheets(world: World, simulator: GoogleSheetsSimulator, settings: dict[str, Any], *, oauth: bool) -> Crm:
    if oauth:
        credentials = {
            "clientId": simulator.client_id,
            "clientSecret": simulator.client_secret,
            "refreshToken": simulator.refresh_token,
        }
    else:
        credentials = {"serviceAccount": msgspec.json.encode(simulator.service_account).decode()}
    integration_id = world.connect(
        Provider.GOOGLE_SHEETS,
        credentials,
        **{
            "base_url": simulator.url,
            "spreadsheet_id": simulator.spreadsheet_id,
            "sheet": simulator.sheet.title,
            **settings,
        },
    )
    return Crm(simulator, integration_id, "values.batchGet", "token")


CRMS: dict[Provider, Callable[..., AbstractContextManager[Crm]]] = {
    Provider.HUBSPOT: hubspot,
    Provider.SALESFORCE: salesforce,
    Provider.GOOGLE_SHEETS: google_sheets,
}

_SETTINGS = {"field_map", "key_column", "object", "bulk_above", "overlap_seconds", "header_row", "region", "sheet"}


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is meant for the integration, and what for the simulator."""
    settings = {name: value for name, value in options.items() if name in _SETTINGS}
    return settings, {name: value for name, value in options.items() if name not in _SETTINGS}


def calls_of(simulator: CrmSimulator) -> dict[str, int]:
    """How often each endpoint was called."""
    counts: dict[str, int] = {}
    for call in simulator.calls.select():
        counts[call.endpoint] = counts.get(call.endpoint, 0) + 1
    return counts
