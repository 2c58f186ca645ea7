"""Putting lines into MongoDB, after asking their servers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from libs.common.credentials import CredentialsVault
from libs.common.settings import Secret
from libs.embedded import ports
from libs.simulators.bluebubbles import BlueBubblesSimulator, running_bluebubbles
from tests.integration.cli.conftest import Cli

Documents = Database[dict[str, Any]]


@pytest.fixture
def simulator() -> Iterator[BlueBubblesSimulator]:
    with running_bluebubbles() as running:
        yield running


def added(cli: Cli, url: str, password: str, *more: str) -> Any:
    arguments = ("line", "add", "--url", url, "--password-stdin", "--workspace", "w1", "--json", *more)
    result = cli(*arguments, input=f"{password}\n")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_line_is_written_as_the_services_read_it(
    cli: Cli, simulator: BlueBubblesSimulator, mongo_database: Documents, credentials_key: str
) -> None:
    server = simulator.lines[0]
    answer = added(cli, f"{server.server_url}/", server.password, "--name", "Front desk", "--per-minute", "7")

    (line,) = mongo_database.lines.find()
    assert answer == {"lineId": str(line["_id"]), "created": True, "checked": True}
    sealed = line.pop("credentials")
    vault = CredentialsVault(Secret(credentials_key))
    assert vault.open(sealed, record=f"lines/{line['_id']}") == {"password": server.password}
    health = line.pop("health")
    assert health["status"] == "up"
    assert health["consecutiveFailures"] == 0
    assert line == {
        "_id": line["_id"],
        "workspaceId": "w1",
        "name": "Front desk",
        "address": "",
        "provider": "bluebubbles",
        "serverUrl": server.server_url,
        "status": "active",
        "limits": {"perMinute": 7, "perDay": 500, "newConversationsPerDay": 50},
    }


def test_the_same_server_again_replaces_the_line(
    cli: Cli, simulator: BlueBubblesSimulator, mongo_database: Documents
) -> None:
    server = simulator.lines[0]
    first = added(cli, server.server_url, server.password)
    second = added(cli, f"{server.server_url}/api/v1", server.password, "--name", "New name")

    assert second == {"lineId": first["lineId"], "created": False, "checked": True}
    assert [line["name"] for line in mongo_database.lines.find()] == ["New name"]


def test_the_password_never_appears(cli: Cli, simulator: BlueBubblesSimulator, mongo_database: Documents) -> None:
    server = simulator.lines[0]
    arguments = ("line", "add", "--url", server.server_url, "--password-stdin", "--workspace", "w1", "--verbose")
    added_result = cli(*arguments, input=server.password)
    listed = cli("line", "list", "--json")

    for text in (added_result.output, listed.output, str(list(mongo_database.lines.find()))):
        assert server.password not in text
    assert "credentials" not in listed.output


def test_a_wrong_password_is_refused_and_nothing_is_written(
    cli: Cli, simulator: BlueBubblesSimulator, mongo_database: Documents
) -> None:
    url = simulator.lines[0].server_url
    result = cli("line", "add", "--url", url, "--password-stdin", "--workspace", "w1", input="wrong")

    assert result.exit_code == 2
    assert "refuses the password" in result.stderr
    assert mongo_database.lines.count_documents({}) == 0


def test_a_server_that_is_not_there_is_said(cli: Cli, mongo_database: Documents) -> None:
    url = f"http://127.0.0.1:{ports.choose()}"
    result = cli("line", "add", "--url", url, "--password-stdin", "--workspace", "w1", input="pw")

    assert result.exit_code == 3
    assert f"Nothing answers at {url}" in result.stderr
    assert "--no-check" in result.stderr
    assert mongo_database.lines.count_documents({}) == 0


def test_a_server_that_is_not_asked_need_not_be_there(cli: Cli, mongo_database: Documents) -> None:
    answer = added(cli, f"http://127.0.0.1:{ports.choose()}", "pw", "--no-check")

    assert answer["checked"] is False
    (line,) = mongo_database.lines.find()
    assert "health" not in line


def test_a_server_without_private_api_is_refused_with_the_reason(cli: Cli, simulator: BlueBubblesSimulator) -> None:
    simulator.configure(1, private_api=False)
    server = simulator.lines[0]
    arguments = ("line", "add", "--url", server.server_url, "--password-stdin", "--workspace", "w1")
    result = cli(*arguments, input=server.password)

    assert result.exit_code == 1
    assert "the Private API is off" in result.stderr


def test_a_proxy_in_front_of_an_absent_server_is_recognised(cli: Cli, simulator: BlueBubblesSimulator) -> None:
    simulator.set_fault(fault="http_530")
    url = simulator.lines[0].server_url
    result = cli("line", "add", "--url", url, "--password-stdin", "--workspace", "w1", input="pw")

    assert result.exit_code == 3
    assert "A proxy answers" in result.stderr


def test_another_program_at_the_address_is_recognised(cli: Cli, simulator: BlueBubblesSimulator) -> None:
    url = simulator.admin_url
    result = cli("line", "add", "--url", url, "--password-stdin", "--workspace", "w1", input="pw")

    assert result.exit_code == 2
    assert "no server of this provider" in result.stderr


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mac.example.com", "should look like"),
        ("ftp://mac.example.com", "should look like"),
        ("http://", "should look like"),
        ("http://mac.example.com:port", "is no address"),
        ("http://[::1", "is no address"),
        ("http://me:secret@mac.example.com", "more than an address"),
        ("http://mac.example.com/?password=secret", "more than an address"),
    ],
)
def test_an_address_that_is_none_is_refused(cli: Cli, url: str, problem: str) -> None:
    result = cli("line", "add", "--url", url, "--password-stdin", "--workspace", "w1", input="pw")

    assert result.exit_code == 2
    assert problem in result.stderr
    assert "secret" not in result.stderr


def test_an_empty_standard_input_is_no_password(cli: Cli) -> None:
    result = cli("line", "add", "--url", "http://127.0.0.1:1", "--password-stdin", "--workspace", "w1", input="\n")

    assert result.exit_code == 2
    assert "holds no password" in result.stderr


def test_a_missing_key_says_how_to_make_one(cli: Cli) -> None:
    arguments = ("line", "add", "--url", "http://127.0.0.1:1", "--password-stdin", "--workspace", "w1")
    result = cli(*arguments, input="pw", CREDENTIALS_KEY="")

    assert result.exit_code == 2
    assert "CREDENTIALS_KEY is not set" in result.stderr


def test_a_damaged_key_is_said(cli: Cli) -> None:
    arguments = ("line", "add", "--url", "http://127.0.0.1:1", "--password-stdin", "--workspace", "w1")
    result = cli(*arguments, input="pw", CREDENTIALS_KEY="short")

    assert result.exit_code == 2
    assert "CREDENTIALS_KEY is wrong" in result.stderr


def test_lines_are_listed_by_workspace(cli: Cli) -> None:
    for workspace in ("w1", "w2"):
        arguments = ("line", "add", "--url", "http://127.0.0.1:1", "--password-stdin", "--no-check")
        assert cli(*arguments, "--workspace", workspace, "--name", f"of {workspace}", input="pw").exit_code == 0

    listed = json.loads(cli("line", "list", "--workspace", "w2", "--json").stdout)
    assert [line["name"] for line in listed["lines"]] == ["of w2"]
    assert "of w1" in cli("line", "list").stdout


def test_without_lines_the_list_says_how_to_add_one(cli: Cli) -> None:
    assert "line add" in cli("line", "list").stdout


def test_a_database_that_is_not_there_is_said(cli: Cli) -> None:
    uri = f"mongodb://127.0.0.1:{ports.choose()}/tuco?serverSelectionTimeoutMS=200"
    result = cli("line", "list", MONGODB_URI=uri)

    assert result.exit_code == 3
    assert "MongoDB does not answer" in result.stderr


def test_a_database_address_that_is_none_is_said(cli: Cli) -> None:
    for uri in ("mongodb://", "postgres://x", "mongodb://u:p:q@@h"):
        result = cli("line", "list", MONGODB_URI=uri)
        assert result.exit_code == 2, uri
        assert "MONGODB_URI" in result.stderr
