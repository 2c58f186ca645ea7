"""What can be said of an integration, and what is refused by name."""

from typing import Any

import pytest

from libs.common.errors import InvalidInput
from libs.common.integrations.credentials import check_credentials
from libs.common.integrations.model import IntegrationSettings, MatchBy, Provider, read_settings


def test_settings_have_defaults() -> None:
    assert read_settings({}) == IntegrationSettings()
    assert read_settings({"matchBy": ["phone"]}).match_by == (MatchBy.PHONE,)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"baseURL": "http://x"}, "settings.baseURL"),
        ({"baseUrl": "x"}, "settings.baseUrl"),
        ({"region": "usa"}, "settings.region"),
        ({"matchBy": ["name"]}, "settings.matchBy[0]"),
        ({"suspiciousShare": 2}, "settings.suspiciousShare"),
        ({"object": "Contact; DROP"}, "settings.object"),
        ({"headerRow": 0}, "settings.headerRow"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_settings(settings)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("provider", "credentials"),
    [
        (Provider.HUBSPOT, {"accessToken": "x"}),
        (Provider.HUBSPOT, {"clientId": "x", "clientSecret": "x", "refreshToken": "x"}),
        (Provider.SALESFORCE, {"instanceUrl": "x", "clientId": "x", "clientSecret": "x", "refreshToken": "x"}),
        (Provider.SALESFORCE, {"username": "x", "privateKey": "x", "clientId": "x"}),
        (Provider.GOOGLE_SHEETS, {"serviceAccount": "{}"}),
    ],
)
def test_each_form_of_credentials_is_enough(provider: Provider, credentials: dict[str, str]) -> None:
    check_credentials(provider, credentials)


@pytest.mark.parametrize("provider", list(Provider))
@pytest.mark.parametrize("credentials", [{}, {"clientId": "x"}, {"accessToken": ""}, {"password": "x"}])
def test_credentials_that_are_not_enough_are_refused_with_what_is_needed(
    provider: Provider, credentials: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput, match="these are needed"):
        check_credentials(provider, credentials)
