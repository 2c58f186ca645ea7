"""The command line inside the test's process, with the test's own database and nothing from this machine's settings."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from libs.cli.__main__ import main
from libs.common.credentials import new_credentials_key

Cli = Callable[..., Result]


@pytest.fixture(scope="session")
def credentials_key() -> str:
    return new_credentials_key()


@pytest.fixture
def cli(mongo_uri: str, credentials_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command: ``cli("line", "list", input="...", MONGODB_URI="...")``."""
    monkeypatch.chdir(tmp_path)
    for name in ("BULLMQ_SERVER_URL", "SERVICE_TOKEN", "ADMIN_TOKEN", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, input: str = "", **environ: str) -> Result:  # noqa: A002 - click's own word for it
        variables = {"MONGODB_URI": mongo_uri, "CREDENTIALS_KEY": credentials_key, **environ}
        result = CliRunner().invoke(main, arguments, input=input, env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run
