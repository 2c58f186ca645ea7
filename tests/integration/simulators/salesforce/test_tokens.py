"""OAuth, by hand and through simple-salesforce's JWT login."""

from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from libs.simulators.crm.tokens import SigningKey
from libs.simulators.salesforce import SalesforceSimulator, running_salesforce
from tests.integration.simulators.clients import salesforce, salesforce_session

COUNT = "SELECT COUNT() FROM Contact"


def refreshed(simulator: SalesforceSimulator, **changes: str) -> requests.Response:
    form = {
        "grant_type": "refresh_token",
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "refresh_token": simulator.refresh_token,
    } | changes
    return requests.post(f"{simulator.url}/services/oauth2/token", data=form, timeout=5)


def signed_in(simulator: SalesforceSimulator, **changes: str) -> Any:
    login: dict[str, Any] = {
        "username": simulator.username,
        "consumer_key": simulator.client_id,
        "privatekey": simulator.private_key,
    }
    return Salesforce(**(login | changes), session=salesforce_session(simulator))


def test_a_refreshed_access_token_is_let_in_until_it_expires() -> None:
    with running_salesforce(rows=5) as simulator:
        answer = refreshed(simulator).json()
        assert (answer["instance_url"], answer["token_type"]) == (simulator.url, "Bearer")
        assert "expires_in" not in answer
        client = salesforce(simulator, answer["access_token"])
        assert client.query(COUNT)["totalSize"] == 5
        simulator.expire_tokens()
        with pytest.raises(SalesforceExpiredSession):
            client.query(COUNT)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "wrong"}, "invalid_client_id"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"refresh_token": "wrong"}, "invalid_grant"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_request_for_a_token_is_refused(changes: dict[str, str], error: str) -> None:
    with running_salesforce(rows=5) as simulator:
        answer = refreshed(simulator, **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_revoked_refresh_token_is_refused() -> None:
    with running_salesforce(rows=5) as simulator:
        old = simulator.refresh_token
        simulator.revoke_refresh_token()
        answer = refreshed(simulator, refresh_token=old)
        assert answer.json() == {"error": "invalid_grant", "error_description": "expired access/refresh token"}


def test_the_jwt_login_of_the_client_is_let_in_and_signs_in_again_when_its_session_expires() -> None:
    with running_salesforce(rows=5) as simulator:
        client = signed_in(simulator)
        assert client.query(COUNT)["totalSize"] == 5
        simulator.expire_tokens()
        assert client.query(COUNT)["totalSize"] == 5
        assert simulator.calls.total(endpoint="token") == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"username": "someone@example.com"}, "user hasn't approved this consumer"),
        ({"consumer_key": "wrong"}, "client identifier invalid"),
        ({"privatekey": SigningKey().private_pem}, "invalid assertion"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_jwt_login_that_does_not_fit_is_refused(changes: dict[str, str], says: str) -> None:
    with running_salesforce(rows=5) as simulator, pytest.raises(SalesforceAuthenticationFailed, match=says):
        signed_in(simulator, **changes)


def test_a_token_says_whose_it_is() -> None:
    with running_salesforce(rows=5) as simulator:
        who = salesforce(simulator).oauth2("userinfo")
        assert who is not None
        assert who["preferred_username"] == simulator.username
