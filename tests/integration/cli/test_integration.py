"""Connecting CRMs from the command line, and rotating the key of what is stored."""

import json
from typing import Any

import pytest
from pymongo.database import Database

from libs.common.credentials import CredentialsVault, new_credentials_key
from libs.common.settings import Secret
from libs.common.stores.integrations import IntegrationStore
from tests.integration.cli.conftest import Cli

Documents = Database[dict[str, Any]]

HUBSPOT = ("integration", "add", "--provider", "hubspot", "--workspace", "w1", "--credentials-stdin")


def added(cli: Cli, *arguments: str, credentials: str) -> str:
    result = cli(*arguments, "--json", input=credentials)
    assert result.exit_code == 0, result.stderr
    answer: str = json.loads(result.stdout)["integrationId"]
    return answer


def stored(database: Documents, key: str, integration_id: str) -> dict[str, str]:
    vault = CredentialsVault(Secret(key))
    return dict(IntegrationStore(database, vault).credentials_of(integration_id).values)


@pytest.mark.parametrize(
    ("provider", "text", "kept"),
    [
        ("hubspot", "pat-na1-secret\n", {"accessToken": "pat-na1-secret"}),
        (
            "hubspot",
            '{"clientId": "c", "clientSecret": "s", "refreshToken": "r"}',
            {"clientId": "c", "clientSecret": "s", "refreshToken": "r"},
        ),
        (
            "salesforce",
            '{"username": "u", "privateKey": "k", "clientId": "c"}',
            {"username": "u", "privateKey": "k", "clientId": "c"},
        ),
        (
            "google-sheets",
            '{"type": "service_account", "private_key": "k"}',
            {"serviceAccount": '{"type":"service_account","private_key":"k"}'},
        ),
        (
            "google-sheets",
            '{"serviceAccount": {"type": "service_account"}}',
            {"serviceAccount": '{"type":"service_account"}'},
        ),
    ],
)
def test_credentials_are_taken_in_each_of_their_forms(
    cli: Cli, mongo_database: Documents, credentials_key: str, provider: str, text: str, kept: dict[str, str]
) -> None:
    arguments = ("integration", "add", "--provider", provider, "--workspace", "w1", "--credentials-stdin")
    integration_id = added(cli, *arguments, "--spreadsheet", "1AbC", credentials=text)
    assert stored(mongo_database, credentials_key, integration_id) == kept


def test_what_is_said_on_the_command_line_is_stored_as_the_service_reads_it(
    cli: Cli, mongo_database: Documents, credentials_key: str
) -> None:
    integration_id = added(
        cli,
        *HUBSPOT,
        "--url", "http://localhost:9000/",
        "--name", "Main portal",
        "--map", "phone=work_phone, phone",
        "--map", "lastName=",
        "--region", "de",
        "--match-by", "phone",
        "--schedule", "*/15 * * * *",
        "--setting", "suspiciousShare=0.5",
        credentials="token",
    )  # fmt: skip
    integration = IntegrationStore(mongo_database, CredentialsVault(Secret(credentials_key))).get(integration_id)
    assert integration is not None
    settings = integration.settings
    assert (settings.base_url, settings.region, settings.suspicious_share) == ("http://localhost:9000", "DE", 0.5)
    assert [str(each) for each in settings.match_by] == ["phone"]
    assert integration.field_map == {"phone": ["work_phone", "phone"], "lastName": []}
    (schedule,) = mongo_database.schedules.find()
    assert schedule["data"] == {"integrationId": integration_id, "workspaceId": "w1"}


@pytest.mark.parametrize(
    ("more", "text", "said"),
    [
        ((), "", "holds no credentials"),
        ((), '{"clientId": "c"}', "accessToken or clientId, clientSecret, refreshToken"),
        ((), "two tokens", "more than one token"),
        (("--map", "telephone=phone"), "token", "telephone"),
        (("--setting", "bulk=1"), "token", "settings.bulk"),
        (("--setting", "bulkAbove"), "token", "should look like"),
        (("--region", "usa"), "token", "settings.region"),
        (("--schedule", "daily"), "token", "cron"),
        (("--url", "ftp://x"), "token", "--url"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    cli: Cli, mongo_database: Documents, more: tuple[str, ...], text: str, said: str
) -> None:
    result = cli(*HUBSPOT, *more, input=text)
    assert result.exit_code == 2
    assert said in result.stderr
    assert mongo_database.integrations.count_documents({}) == 0


def test_a_sheet_needs_its_spreadsheet(cli: Cli) -> None:
    arguments = ("integration", "add", "--provider", "google-sheets", "--workspace", "w1", "--credentials-stdin")
    assert "--spreadsheet" in cli(*arguments, input="{}").stderr


def test_secrets_never_appear(cli: Cli, mongo_database: Documents) -> None:
    result = cli(*HUBSPOT, "--verbose", input="pat-secret")
    listed = cli("integration", "list", "--json")
    for text in (result.output, listed.output, str(list(mongo_database.integrations.find()))):
        assert "pat-secret" not in text
    assert json.loads(listed.stdout)["integrations"][0]["status"] == "active"


def test_renewed_credentials_make_an_integration_active(
    cli: Cli, mongo_database: Documents, credentials_key: str
) -> None:
    integration_id = added(cli, *HUBSPOT, credentials="old")
    mongo_database.integrations.update_one({}, {"$set": {"status": "needs_attention", "statusReason": "revoked"}})
    assert "revoked" in cli("integration", "list").stdout
    assert cli("integration", "renew", integration_id, "--credentials-stdin", input="new").exit_code == 0
    assert stored(mongo_database, credentials_key, integration_id) == {"accessToken": "new"}
    assert "revoked" not in cli("integration", "list").stdout


@pytest.mark.parametrize("integration_id", ["65a0000000000000000000ff", "no-id"])
def test_an_integration_that_is_not_there_is_said(cli: Cli, integration_id: str) -> None:
    for arguments in (("integration", "renew", integration_id, "--credentials-stdin"), ("sync", integration_id)):
        result = cli(*arguments, input="new")
        assert result.exit_code == 2
        assert "There is no integration" in result.stderr


def test_after_a_rotation_the_old_key_is_not_needed(cli: Cli, mongo_database: Documents, credentials_key: str) -> None:
    integration_id = added(cli, *HUBSPOT, credentials="token")
    new_key = new_credentials_key()
    result = cli("keys", "rotate", "--json", CREDENTIALS_KEY=f"{new_key},{credentials_key}")
    assert json.loads(result.stdout) == {"sealed": 1, "changedMeanwhile": 0, "unreadable": []}
    assert stored(mongo_database, new_key, integration_id) == {"accessToken": "token"}


def test_credentials_that_no_key_opens_are_named(cli: Cli, mongo_database: Documents) -> None:
    integration_id = added(cli, *HUBSPOT, credentials="token")
    result = cli("keys", "rotate", CREDENTIALS_KEY=new_credentials_key())
    assert result.exit_code == 1
    assert f"integrations/{integration_id}" in result.stdout
