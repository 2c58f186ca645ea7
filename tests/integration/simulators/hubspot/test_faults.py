"""Each fault as the official client reports it."""

import time
from typing import Any

import pytest
import urllib3
from hubspot import HubSpot
from hubspot.crm.contacts.exceptions import (
    ApiException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)
from urllib3.exceptions import MaxRetryError

from libs.simulators.crm.service import ProviderFault
from libs.simulators.faults import Fault, NetworkFault
from libs.simulators.hubspot import Limits, running_hubspot
from tests.integration.simulators.clients import hubspot
from tests.waiting import wait_until


def first_page(client: Any, **more: Any) -> Any:
    return client.crm.contacts.basic_api.get_page(limit=10, _request_timeout=1, **more)


@pytest.mark.parametrize(
    ("fault", "error", "status", "says"),
    [
        (ProviderFault.RATE_LIMITED, ApiException, 429, '"policyName":"TEN_SECONDLY_ROLLING"'),
        (ProviderFault.DAILY_LIMIT, ApiException, 429, '"policyName":"DAILY"'),
        (ProviderFault.UNAUTHORIZED, UnauthorizedException, 401, "INVALID_AUTHENTICATION"),
        (ProviderFault.EXPIRED_TOKEN, UnauthorizedException, 401, "EXPIRED_AUTHENTICATION"),
        (ProviderFault.FORBIDDEN, ForbiddenException, 403, "MISSING_SCOPES"),
        (ProviderFault.NOT_FOUND, NotFoundException, 404, "OBJECT_NOT_FOUND"),
        (ProviderFault.INTERNAL, ServiceException, 500, '"status":"error"'),
        (ProviderFault.UNAVAILABLE, ServiceException, 503, '"status":"error"'),
        (NetworkFault.HTTP_502, ServiceException, 502, "<html>"),
        (NetworkFault.HTTP_504, ServiceException, 504, "<html>"),
        (NetworkFault.HTTP_429, ApiException, 429, "<html>"),
    ],
)
def test_an_error_answer_raises_the_exception_for_its_status(
    fault: str, error: type[ApiException], status: int, says: str
) -> None:
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=fault, count=1))
        with pytest.raises(error) as raised:
            first_page(hubspot(simulator))
        assert raised.value.status == status
        assert says in raised.value.body
        assert len(first_page(hubspot(simulator)).results) == 10


@pytest.mark.parametrize(
    "fault", [NetworkFault.RESET, NetworkFault.HANG, NetworkFault.TRUNCATED, NetworkFault.ANSWER_LOST]
)
def test_a_broken_connection_raises_an_error_of_urllib3(fault: NetworkFault) -> None:
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=fault, count=1))
        with pytest.raises(MaxRetryError):
            first_page(hubspot(simulator))
        assert [call.status for call in simulator.calls.select(endpoint="contacts.list")] == [0]


@pytest.mark.parametrize("fault", [ProviderFault.HTML_OK, ProviderFault.MALFORMED, ProviderFault.EMPTY])
def test_a_body_that_is_no_json_comes_as_a_page_without_results(fault: ProviderFault) -> None:
    """The client swallows it: whoever takes the missing list for the end of the data loses the rest."""
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=fault, count=1))
        page = first_page(hubspot(simulator))
        assert page.results is None
        assert page.paging is None


def test_a_slow_answer_arrives_whole() -> None:
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=NetworkFault.SLOW_ANSWER, count=1, seconds=0.3))
        began = time.monotonic()
        assert len(first_page(hubspot(simulator)).results) == 10
        assert time.monotonic() - began >= 0.3


def test_a_simulator_that_is_down_refuses_connections_until_it_comes_up() -> None:
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=NetworkFault.DOWN))
        with pytest.raises(MaxRetryError):
            first_page(hubspot(simulator))
        simulator.come_up()
        assert len(first_page(hubspot(simulator)).results) == 10


def test_a_simulator_that_is_down_for_a_while_comes_back_by_itself() -> None:
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=NetworkFault.DOWN, seconds=0.3))
        with pytest.raises(MaxRetryError):
            first_page(hubspot(simulator))

        def answers() -> bool:
            try:
                return bool(first_page(hubspot(simulator)).results)
            except MaxRetryError:
                return False

        wait_until(answers, message="the simulator answers again")


def test_a_fault_strikes_one_page_only_as_often_as_asked() -> None:
    with running_hubspot(rows=250) as simulator:
        simulator.inject(
            Fault(
                fault=ProviderFault.INTERNAL,
                endpoint="contacts.list",
                key="archived=false&after=1001&limit=100",
                count=2,
            )
        )
        client = hubspot(simulator)
        for _ in range(2):
            with pytest.raises(ServiceException):
                client.crm.contacts.get_all()
        assert len(client.crm.contacts.get_all()) == 250


def test_a_name_that_is_no_fault_is_refused() -> None:
    with running_hubspot(rows=1) as simulator, pytest.raises(ValueError, match="no fault 'earthquake'"):
        simulator.inject(Fault(fault="earthquake"))


def test_a_search_over_the_limit_of_a_second_is_refused() -> None:
    with running_hubspot(rows=20, limits=Limits(searches_per_second=2)) as simulator:
        client = hubspot(simulator)
        for _ in range(2):
            client.crm.contacts.search_api.do_search(public_object_search_request={"limit": 1})
        with pytest.raises(ApiException) as refused:
            client.crm.contacts.search_api.do_search(public_object_search_request={"limit": 1})
        assert refused.value.status == 429
        assert refused.value.headers["Retry-After"] == "1"
        assert '"message":"You have reached your secondly limit."' in refused.value.body
        assert '"policyName":"SECONDLY"' in refused.value.body
        assert len(first_page(client).results) == 10


def test_calls_over_the_limit_of_ten_seconds_or_of_the_day_are_refused() -> None:
    for limits, policy in ((Limits(per_ten_seconds=3), "TEN_SECONDLY_ROLLING"), (Limits(per_day=3), "DAILY")):
        with running_hubspot(rows=20, limits=limits) as simulator:
            client = hubspot(simulator)
            for _ in range(3):
                first_page(client)
            with pytest.raises(ApiException) as refused:
                first_page(client)
            assert policy in refused.value.body


def test_a_call_before_its_retry_after_is_noticed() -> None:
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=ProviderFault.RATE_LIMITED, count=1, seconds=30))
        with pytest.raises(ApiException):
            first_page(hubspot(simulator))
        assert simulator.too_early() == []
        first_page(hubspot(simulator))
        assert len(simulator.too_early()) == 1


def test_left_to_itself_the_client_waits_and_asks_again() -> None:
    """Its urllib3 obeys `Retry-After` on a GET by sleeping inside the call, unless it is told not to retry."""
    with running_hubspot(rows=20) as simulator:
        simulator.inject(Fault(fault=ProviderFault.RATE_LIMITED, count=1, seconds=1))
        patient = HubSpot(access_token=simulator.token, host=simulator.url, retry=urllib3.Retry(3))
        assert len(patient.crm.contacts.basic_api.get_page(limit=10).results) == 10
        assert simulator.calls.total(endpoint="contacts.list") == 2
        assert simulator.too_early(slack=0.05) == []
