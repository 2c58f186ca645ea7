"""Each fault as simple-salesforce reports it."""

from typing import Any

import pytest
import requests
from simple_salesforce.exceptions import (
    SalesforceError,
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from libs.simulators.crm.service import ProviderFault
from libs.simulators.faults import Fault, NetworkFault
from libs.simulators.salesforce import SalesforceSimulator, running_salesforce
from tests.integration.simulators.clients import reason, salesforce


def ask(simulator: SalesforceSimulator) -> Any:
    return salesforce(simulator).query("SELECT Id FROM Contact", timeout=1)["records"]


@pytest.mark.parametrize(
    ("fault", "error", "status", "code"),
    [
        (ProviderFault.RATE_LIMITED, SalesforceRefusedRequest, 403, "REQUEST_LIMIT_EXCEEDED"),
        (ProviderFault.DAILY_LIMIT, SalesforceRefusedRequest, 403, "REQUEST_LIMIT_EXCEEDED"),
        (ProviderFault.UNAUTHORIZED, SalesforceExpiredSession, 401, "INVALID_SESSION_ID"),
        (ProviderFault.EXPIRED_TOKEN, SalesforceExpiredSession, 401, "INVALID_SESSION_ID"),
        (ProviderFault.FORBIDDEN, SalesforceRefusedRequest, 403, "API_DISABLED_FOR_ORG"),
        (ProviderFault.NOT_FOUND, SalesforceResourceNotFound, 404, "NOT_FOUND"),
        (ProviderFault.INTERNAL, SalesforceGeneralError, 500, "UNKNOWN_EXCEPTION"),
        (ProviderFault.UNAVAILABLE, SalesforceGeneralError, 503, "SERVER_UNAVAILABLE"),
    ],
)
def test_an_error_answer_raises_the_exception_for_its_status(
    fault: str, error: type[SalesforceError], status: int, code: str
) -> None:
    with running_salesforce(rows=5) as simulator:
        simulator.inject(Fault(fault=fault, count=1))
        with pytest.raises(error) as raised:
            ask(simulator)
        assert raised.value.status == status
        assert reason(raised.value)["errorCode"] == code
        assert len(ask(simulator)) == 5


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (NetworkFault.RESET, requests.exceptions.ConnectionError),
        (NetworkFault.HANG, requests.exceptions.ReadTimeout),
        (NetworkFault.TRUNCATED, requests.exceptions.ChunkedEncodingError),
        (NetworkFault.HTTP_502, SalesforceGeneralError),
        (NetworkFault.HTTP_429, SalesforceGeneralError),
        (ProviderFault.HTML_OK, requests.exceptions.JSONDecodeError),
        (ProviderFault.MALFORMED, requests.exceptions.JSONDecodeError),
        (ProviderFault.EMPTY, requests.exceptions.JSONDecodeError),
    ],
)
def test_a_broken_connection_or_body_raises(fault: str, error: type[Exception]) -> None:
    with running_salesforce(rows=5) as simulator:
        simulator.inject(Fault(fault=fault, count=1))
        with pytest.raises(error):
            ask(simulator)
        assert len(ask(simulator)) == 5


def test_a_page_of_bulk_results_cut_short_tells_by_its_count_only() -> None:
    """The client sees nothing wrong: the header says how many records there should have been."""
    with running_salesforce(rows=100, bulk_polls=0) as simulator:
        client = salesforce(simulator).bulk2.Contact._client
        job = client.create_job("query", "SELECT Id FROM Contact")["id"]
        client.get_job(job, is_query=True)
        simulator.inject(Fault(fault=ProviderFault.MALFORMED, endpoint="bulk.results", count=1))
        page = client.get_query_results(job)
        assert page["number_of_records"] == 100
        assert page["records"].count("\n") < 60


def test_the_call_over_the_limit_of_the_day_is_refused() -> None:
    with running_salesforce(rows=5, calls_per_day=2) as simulator:
        ask(simulator)
        ask(simulator)
        with pytest.raises(SalesforceRefusedRequest) as raised:
            ask(simulator)
        assert reason(raised.value) == {
            "message": "TotalRequests Limit exceeded.",
            "errorCode": "REQUEST_LIMIT_EXCEEDED",
        }
