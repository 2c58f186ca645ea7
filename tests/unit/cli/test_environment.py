"""Which settings a command uses."""

import stat
from pathlib import Path

import pytest

from libs.cli.env_file import read_env_file, write_env_file
from libs.cli.environment import read_environment
from libs.cli.failures import BadInput
from libs.cli.state_folder import StateFolder, find_dev_env

_NOTED = {
    "BULLMQ_SERVER_URL": "http://127.0.0.1:4001",
    "SERVICE_TOKEN": "dev-service",
    "ADMIN_TOKEN": "dev-admin",
    "MONGODB_URI": "mongodb://127.0.0.1:5000/tuco",
    "CREDENTIALS_KEY": "dev-key",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    StateFolder(tmp_path / ".tuco").announce(_NOTED)
    return tmp_path


def test_a_command_without_variables_uses_what_dev_wrote_down(folder: Path) -> None:
    environment = read_environment({}, folder=folder)

    assert environment.values == _NOTED
    assert str(folder / ".tuco" / "dev.env") in environment.origin_of("SERVICE_TOKEN")


def test_the_file_is_found_from_a_folder_below(folder: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)

    assert find_dev_env(below) == folder / ".tuco" / "dev.env"


def test_a_command_pointed_at_another_gateway_does_not_send_it_the_token_of_dev(folder: Path) -> None:
    environment = read_environment({"BULLMQ_SERVER_URL": "https://jobs.example.com"}, folder=folder)

    assert "SERVICE_TOKEN" not in environment.values
    assert "ADMIN_TOKEN" not in environment.values


def test_a_command_pointed_at_another_database_does_not_encrypt_with_the_key_of_dev(folder: Path) -> None:
    environment = read_environment({"MONGODB_URI": "mongodb://db.example.com/tuco"}, folder=folder)

    assert "CREDENTIALS_KEY" not in environment.values
    assert environment.values["SERVICE_TOKEN"] == "dev-service"


def test_a_token_in_the_environment_goes_before_the_one_of_dev(folder: Path) -> None:
    environment = read_environment({"SERVICE_TOKEN": "mine"}, folder=folder)

    assert environment.values["SERVICE_TOKEN"] == "mine"
    assert environment.origin_of("SERVICE_TOKEN") == "from the environment"


def test_an_empty_variable_counts_as_not_set(folder: Path) -> None:
    environment = read_environment({"BULLMQ_SERVER_URL": ""}, folder=folder)

    assert environment.values["BULLMQ_SERVER_URL"] == _NOTED["BULLMQ_SERVER_URL"]


def test_a_missing_setting_is_named_together_with_what_to_do() -> None:
    environment = read_environment({}, folder=Path("/nonexistent"))

    with pytest.raises(BadInput, match="MONGODB_URI is not set") as caught:
        environment.settings("MONGODB_URI")
    assert "make dev" in caught.value.hint


def test_the_files_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / ".tuco")
    state.secrets()
    state.announce(_NOTED)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.path.glob("*.env")}
    assert modes == {"secrets.env": 0o600, "dev.env": 0o600}


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = StateFolder(tmp_path / ".tuco").secrets()

    assert StateFolder(tmp_path / ".tuco").secrets() == first
    assert len(set(first.values())) == 3


def test_withdrawing_what_was_announced_twice_changes_nothing(folder: Path) -> None:
    state = StateFolder(folder / ".tuco")
    state.withdraw()
    state.withdraw()

    assert find_dev_env(folder) is None


@pytest.mark.parametrize("value", ["plain", "with space", "it's", 'a"b', "$HOME", "a=b", "", "pässwörd"])
def test_a_value_survives_the_file(tmp_path: Path, value: str) -> None:
    path = tmp_path / "some.env"
    write_env_file(path, {"NAME": value}, comment="a test")

    assert read_env_file(path) == {"NAME": value}
