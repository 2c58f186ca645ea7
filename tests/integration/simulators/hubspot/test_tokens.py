"""OAuth with the official client."""

from typing import Any

import pytest
from hubspot.crm.contacts.exceptions import UnauthorizedException
from hubspot.oauth.exceptions import ApiException, NotFoundException

from libs.simulators.hubspot import HubSpotSimulator, running_hubspot
from tests.integration.simulators.clients import hubspot


def refreshed(simulator: HubSpotSimulator, **changes: str) -> Any:
    form = {
        "grant_type": "refresh_token",
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "refresh_token": simulator.refresh_token,
    } | changes
    return hubspot(simulator).oauth.tokens_api.create(**form)


def test_a_refreshed_access_token_is_let_in_until_it_expires() -> None:
    with running_hubspot(rows=5, token_lifetime=1800) as simulator:
        token = refreshed(simulator)
        assert (token.token_type, token.expires_in, token.refresh_token) == ("bearer", 1800, simulator.refresh_token)
        client = hubspot(simulator, token.access_token)
        assert len(client.crm.contacts.get_all()) == 5
        simulator.expire_tokens()
        with pytest.raises(UnauthorizedException) as raised:
            client.crm.contacts.get_all()
        assert "EXPIRED_AUTHENTICATION" in raised.value.body
        assert len(hubspot(simulator, refreshed(simulator).access_token).crm.contacts.get_all()) == 5


def test_a_token_expires_by_itself() -> None:
    with running_hubspot(rows=5, token_lifetime=0) as simulator, pytest.raises(UnauthorizedException):
        hubspot(simulator, refreshed(simulator).access_token).crm.contacts.get_all()


def test_the_private_token_does_not_expire_and_an_unknown_one_is_not_let_in() -> None:
    with running_hubspot(rows=5, token_lifetime=0) as simulator:
        simulator.expire_tokens()
        assert len(hubspot(simulator).crm.contacts.get_all()) == 5
        with pytest.raises(UnauthorizedException) as raised:
            hubspot(simulator, "pat-na1-unknown").crm.contacts.get_all()
        assert "INVALID_AUTHENTICATION" in raised.value.body


def test_a_revoked_refresh_token_is_refused() -> None:
    with running_hubspot(rows=5) as simulator:
        old = simulator.refresh_token
        token = refreshed(simulator)
        simulator.revoke_refresh_token()
        with pytest.raises(UnauthorizedException):
            hubspot(simulator, token.access_token).crm.contacts.get_all()
        with pytest.raises(ApiException) as raised:
            refreshed(simulator, refresh_token=old)
        assert raised.value.status == 400
        assert '"status":"BAD_REFRESH_TOKEN"' in raised.value.body


@pytest.mark.parametrize(("field", "word"), [("client_id", "BAD_CLIENT_ID"), ("client_secret", "BAD_CLIENT_SECRET")])
def test_a_wrong_client_is_refused(field: str, word: str) -> None:
    with running_hubspot(rows=5) as simulator, pytest.raises(ApiException) as raised:
        refreshed(simulator, **{field: "wrong"})
    assert word in raised.value.body


def test_a_token_can_be_checked() -> None:
    with running_hubspot(rows=5) as simulator:
        client = hubspot(simulator)
        assert client.oauth.access_tokens_api.get(simulator.token).hub_id == 48_600_123
        with pytest.raises(NotFoundException):
            client.oauth.access_tokens_api.get("unknown")
        account = client.api_request({"path": "/account-info/v3/details", "base_url": simulator.url})
        assert account.json()["portalId"] == 48_600_123
