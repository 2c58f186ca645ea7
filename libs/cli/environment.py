"""Which settings a command uses: the environment's, and where it has none what a running `tuco-jobs dev` wrote down.

The file fills in whole groups, each led by an address. Were it to fill in single variables, a command that is pointed
at one installation's database could encrypt with another's key, or hand one gateway's token to another.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from libs.cli.env_file import read_env_file
from libs.cli.failures import BadInput
from libs.cli.state_folder import find_dev_env
from libs.common.errors import SettingsError
from libs.common.settings import Settings, load_settings

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "BULLMQ_SERVER_URL": ("SERVICE_TOKEN", "ADMIN_TOKEN"),
    "MONGODB_URI": ("MONGODB_DATABASE", "CREDENTIALS_KEY"),
}


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that a command sees, and where each came from.

    Args:
        values: the variables.
        origins: for each variable of a known group, the file it was read from; absent: the environment itself.
    """

    values: Mapping[str, str]
    origins: Mapping[str, Path] = field(default_factory=dict)

    def settings(self, *required: str) -> Settings:
        """The typed settings.

        Raises:
            BadInput: a variable is missing or wrong.
        """
        try:
            return load_settings(self.values, required=required)
        except SettingsError as error:
            raise BadInput(f"{error}.", _hint(required, self.values)) from error

    def origin_of(self, name: str) -> str:
        """Where a variable comes from, for a person."""
        if path := self.origins.get(name):
            return f"from {path}"
        return "from the environment" if self.values.get(name) else "not set"


def read_environment(environ: Mapping[str, str], *, folder: Path) -> Environment:
    """The environment, completed by the ``.tuco/dev.env`` in ``folder`` or above it.

    Args:
        environ: the process's variables; an empty one counts as not set.
        folder: where the command was called.
    """
    path = find_dev_env(folder)
    if path is None:
        return Environment(dict(environ))
    noted = read_env_file(path)
    values = dict(environ)
    origins: dict[str, Path] = {}
    for address, members in _GROUPS.items():
        if values.get(address):
            continue
        for name in (address, *members):
            if noted.get(name) and not values.get(name):
                values[name] = noted[name]
                origins[name] = path
    return Environment(values, origins)


def _hint(required: Collection[str], values: Mapping[str, str]) -> str:
    if any(not values.get(name) for name in required):
        return "Set it, or run `make dev` in another terminal: this command then finds what that one uses."
    return ""
