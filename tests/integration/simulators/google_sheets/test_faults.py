"""Each fault as gspread and google-auth report it."""

from typing import Any

import gspread
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from gspread.exceptions import APIError, SpreadsheetNotFound

from libs.simulators.crm.service import ProviderFault
from libs.simulators.faults import Fault, NetworkFault
from libs.simulators.google_sheets import GoogleSheetsSimulator, Limits, running_google_sheets
from tests.integration.simulators.clients import SHEETS_SCOPES, service_account, sheets


def client_of(simulator: GoogleSheetsSimulator) -> gspread.Client:
    client = sheets(simulator)
    client.set_timeout(1)
    return client


def ask(client: gspread.Client, spreadsheet_id: str = GoogleSheetsSimulator.spreadsheet_id) -> Any:
    return client.http_client.values_get(spreadsheet_id, "Leads!A1:B3")["values"]


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        (ProviderFault.RATE_LIMITED, 429, "RESOURCE_EXHAUSTED"),
        (ProviderFault.DAILY_LIMIT, 429, "RESOURCE_EXHAUSTED"),
        (ProviderFault.FORBIDDEN, 403, "PERMISSION_DENIED"),
        (ProviderFault.NOT_FOUND, 404, "NOT_FOUND"),
        (ProviderFault.INTERNAL, 500, "INTERNAL"),
        (ProviderFault.UNAVAILABLE, 503, "UNAVAILABLE"),
    ],
)
def test_an_error_answer_is_an_api_error_with_its_status_and_word(fault: str, status: int, word: str) -> None:
    with running_google_sheets(rows=5) as simulator:
        client = client_of(simulator)
        simulator.inject(Fault(fault=fault, endpoint="values.get", count=1))
        with pytest.raises(APIError) as raised:
            ask(client)
        assert (raised.value.code, raised.value.error["status"]) == (status, word)
        assert len(ask(client)) == 3


def test_a_retry_after_is_there_when_the_fault_says_so() -> None:
    with running_google_sheets(rows=5) as simulator:
        client = client_of(simulator)
        simulator.inject(Fault(fault=ProviderFault.RATE_LIMITED, endpoint="values.get", count=1, seconds=7))
        with pytest.raises(APIError) as raised:
            ask(client)
        assert raised.value.response.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (NetworkFault.RESET, requests.exceptions.ConnectionError),
        (NetworkFault.HANG, requests.exceptions.ReadTimeout),
        (NetworkFault.TRUNCATED, requests.exceptions.ChunkedEncodingError),
        (ProviderFault.HTML_OK, requests.exceptions.JSONDecodeError),
        (ProviderFault.MALFORMED, requests.exceptions.JSONDecodeError),
        (ProviderFault.EMPTY, requests.exceptions.JSONDecodeError),
    ],
)
def test_a_broken_connection_or_body_raises(fault: str, error: type[Exception]) -> None:
    with running_google_sheets(rows=5) as simulator:
        client = client_of(simulator)
        simulator.inject(Fault(fault=fault, endpoint="values.get", count=1))
        with pytest.raises(error):
            ask(client)
        assert len(ask(client)) == 3


def test_a_page_of_html_is_an_api_error_whose_status_is_in_the_response_only() -> None:
    with running_google_sheets(rows=5) as simulator:
        client = client_of(simulator)
        simulator.inject(Fault(fault=NetworkFault.HTTP_502, endpoint="values.get", count=1))
        with pytest.raises(APIError) as raised:
            ask(client)
        assert (raised.value.code, raised.value.response.status_code) == (-1, 502)


def test_an_expired_token_is_renewed_by_the_client_itself() -> None:
    with running_google_sheets(rows=5) as simulator:
        client = client_of(simulator)
        assert len(ask(client)) == 3
        simulator.expire_tokens()
        assert len(ask(client)) == 3
        assert simulator.calls.total(endpoint="token") == 2


def test_a_token_that_is_never_accepted_is_an_error_in_the_end() -> None:
    with running_google_sheets(rows=5) as simulator:
        client = client_of(simulator)
        simulator.inject(Fault(fault=ProviderFault.UNAUTHORIZED, endpoint="values.get"))
        with pytest.raises(APIError) as raised:
            ask(client)
        assert raised.value.code == 401


def test_a_spreadsheet_that_is_not_shared_or_not_there() -> None:
    with running_google_sheets(rows=5) as simulator:
        client = client_of(simulator)
        with pytest.raises(SpreadsheetNotFound):
            client.open_by_key("1NoSuchSpreadsheet")
        simulator.shared = False
        with pytest.raises(PermissionError):
            client.open_by_key(simulator.spreadsheet_id)
        with pytest.raises(APIError, match="The caller does not have permission"):
            ask(client)


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(per_user=3), "ReadRequestsPerMinutePerUser"),
        (Limits(per_project=3), "ReadRequestsPerMinutePerProject"),
    ],
)
def test_a_read_over_the_quota_of_a_minute_is_refused(limits: Limits, limit: str) -> None:
    with running_google_sheets(rows=5, limits=limits) as simulator:
        client = client_of(simulator)
        for _ in range(3):
            ask(client)
        with pytest.raises(APIError) as raised:
            ask(client)
        assert raised.value.code == 429
        assert raised.value.error["details"][0]["metadata"]["quota_limit"] == limit
        assert "Retry-After" not in raised.value.response.headers


def test_an_oauth_refresh_token_is_let_in_until_it_is_revoked() -> None:
    with running_google_sheets(rows=5) as simulator:
        credentials = Credentials(  # type: ignore[no-untyped-call]  # google-auth is untyped
            None,
            refresh_token=simulator.refresh_token,
            token_uri=f"{simulator.url}/token",
            client_id=simulator.client_id,
            client_secret=simulator.client_secret,
            scopes=SHEETS_SCOPES,
        )
        client = sheets(simulator, credentials)
        assert len(ask(client)) == 3
        simulator.revoke_refresh_token()
        with pytest.raises(RefreshError, match="Token has been expired or revoked"):
            ask(client)


def test_a_service_account_with_another_key_is_refused() -> None:
    with running_google_sheets(rows=5) as simulator, running_google_sheets(rows=5) as other:
        stranger = service_account(other).with_token_uri(simulator.service_account["token_uri"])
        with pytest.raises(RefreshError, match="Invalid JWT Signature"):
            ask(sheets(simulator, stranger))
