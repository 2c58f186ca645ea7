"""The folder `.tuco` of a developer's machine: the embedded servers' data, the secrets, and where `dev` serves now."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from libs.cli.env_file import read_env_file, write_env_file
from libs.common.credentials import new_credentials_key

FOLDER_NAME = ".tuco"

_TOKEN_BYTES = 24


def new_secrets() -> dict[str, str]:
    """Tokens and a key that nobody has used before, by the names of their settings."""
    return {
        "SERVICE_TOKEN": secrets.token_urlsafe(_TOKEN_BYTES),
        "ADMIN_TOKEN": secrets.token_urlsafe(_TOKEN_BYTES),
        "CREDENTIALS_KEY": new_credentials_key(),
    }


class StateFolder:
    """What `tuco-jobs dev` keeps between runs.

    Args:
        path: the folder; made when it is first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.dev_env = self.path / "dev.env"
        """What the running `dev` uses; other commands read it."""
        self._secrets = self.path / "secrets.env"

    def secrets(self) -> dict[str, str]:
        """The tokens and keys of this folder, made on first use and the same ever after.

        The credentials key must outlive a run, because what it has encrypted is in the folder's database.
        """
        kept = read_env_file(self._secrets)
        complete = {name: kept.get(name) or value for name, value in new_secrets().items()}
        if complete != kept:
            self._make()
            write_env_file(self._secrets, complete, comment="Made by the first run; belongs to the data here.")
        return complete

    def announce(self, values: Mapping[str, str]) -> None:
        """Write down what the running `dev` uses, for the commands of a second terminal."""
        self._make()
        write_env_file(self.dev_env, values, comment="Written by tuco-jobs dev while it runs; other commands read it.")

    def withdraw(self) -> None:
        """Take back :meth:`announce`, at an orderly end."""
        with suppress(FileNotFoundError):
            self.dev_env.unlink()

    def _make(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)


def find_dev_env(start: Path) -> Path | None:
    """The nearest ``.tuco/dev.env`` in ``start`` or a folder above it."""
    for folder in (start, *start.parents):
        candidate = folder / FOLDER_NAME / "dev.env"
        if candidate.is_file():
            return candidate
    return None
