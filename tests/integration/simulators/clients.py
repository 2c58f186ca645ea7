"""The official clients, pointed at a simulator and otherwise as they come."""

from typing import Any
from urllib.parse import urlsplit

import gspread
import requests
import urllib3
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.credentials import Credentials as UserCredentials
from google.oauth2.service_account import Credentials as ServiceAccountCredentials
from hubspot import HubSpot
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from libs.simulators.google_sheets import GoogleSheetsSimulator
from libs.simulators.hubspot import HubSpotSimulator
from libs.simulators.salesforce import SalesforceSimulator

SHEETS_SCOPES = ["https://www.googleapis.com/auth/spreadsheets.readonly"]


class Plain(HTTPAdapter):
    """Sends what a client addresses to a fixed `https://` host to another base address, past any proxy."""

    # What survives a copy: google-auth copies its session for a thread of its own.
    __attrs__ = [*HTTPAdapter.__attrs__, "_base_url"]  # noqa: RUF012 - the base class declares a plain list

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        target = urlsplit(request.url or "")
        request.url = f"{self._base_url}{target.path}?{target.query}" if target.query else self._base_url + target.path
        return super().send(request, *args, **{**kwargs, "proxies": {}})


def hubspot(simulator: HubSpotSimulator, access_token: str | None = None) -> HubSpot:
    """Return HubSpot's client; it asks once and leaves retries to the caller."""
    return HubSpot(access_token=access_token or simulator.token, host=simulator.url, retry=urllib3.Retry(0))


def salesforce_session(simulator: SalesforceSimulator) -> requests.Session:
    """Return a session that brings what simple-salesforce asks for to a simulator, its logins too."""
    session = requests.Session()
    for prefix in (simulator.url.replace("http://", "https://"), "https://login.salesforce.com"):
        session.mount(prefix, Plain(simulator.url))
    return session


def salesforce(simulator: SalesforceSimulator, access_token: str | None = None) -> Any:
    """Return simple-salesforce with a token that it has already.

    It makes its attributes on demand, which its own annotations do not follow, hence `Any`.
    """
    return Salesforce(
        instance_url=simulator.url,
        session_id=access_token or simulator.token,
        session=salesforce_session(simulator),
    )


def reason(error: SalesforceError) -> dict[str, str]:
    """Return what Salesforce said was wrong: the first entry of the body, which is declared as bytes and is JSON."""
    content: Any = error.content
    return dict(content[0])


def sheets(
    simulator: GoogleSheetsSimulator, credentials: ServiceAccountCredentials | UserCredentials | None = None
) -> gspread.Client:
    """Return gspread, by default with the simulator's service account."""
    credentials = credentials or service_account(simulator)
    tokens = requests.Session()
    tokens.mount("https://", Plain(simulator.url))
    session = AuthorizedSession(credentials, auth_request=Request(tokens))  # type: ignore[no-untyped-call]  # untyped
    session.mount("https://", Plain(simulator.url))
    return gspread.Client(credentials, session)


def service_account(simulator: GoogleSheetsSimulator) -> ServiceAccountCredentials:
    """Return the credentials in the simulator's key file."""
    made = ServiceAccountCredentials.from_service_account_info(  # type: ignore[no-untyped-call]  # google-auth is untyped
        simulator.service_account, scopes=SHEETS_SCOPES
    )
    assert isinstance(made, ServiceAccountCredentials)
    return made
