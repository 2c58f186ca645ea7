"""What every command is given: its settings, its output, and the servers that it speaks to."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pymongo.database import Database
from pymongo.errors import ConfigurationError, PyMongoError

from libs.cli.environment import Environment, read_environment
from libs.cli.failures import BadInput, CommandFailed, Failure, Unreachable
from libs.cli.gateway import Gateway
from libs.cli.output import Output, plain
from libs.common.credentials import CredentialsVault
from libs.common.errors import SettingsError, StoreUnavailable
from libs.common.settings import tokens_of
from libs.common.stores.mongo import Document, connect_mongo
from libs.embedded import EmbeddedServerError


class App:
    """The surroundings of one command.

    Args:
        environment: the variables it sees.
        output: where its words go.
    """

    def __init__(self, environment: Environment, output: Output) -> None:
        self.environment = environment
        self.output = output

    def gateway(self, *, admin: bool = False) -> Gateway:
        """The gateway at BULLMQ_SERVER_URL, with SERVICE_TOKEN, or with ADMIN_TOKEN where ``admin``.

        Raises:
            BadInput: a setting is wrong.
        """
        settings = self.environment.settings()
        name = "ADMIN_TOKEN" if admin else "SERVICE_TOKEN"
        token, *_ = [*tokens_of(settings.admin_token if admin else settings.service_token), ""]
        story = f"{name} ({self.environment.origin_of(name)})"
        address = self.environment.origin_of("BULLMQ_SERVER_URL")
        self.output.detail(f"gateway: {settings.bullmq_server_url} ({address}), token: {story}")
        return Gateway(settings.bullmq_server_url, token=token, token_story=story)

    def database(self) -> Database[Document]:
        """The database at MONGODB_URI, which answers.

        Raises:
            BadInput: MONGODB_URI is missing or wrong.
            Unreachable: nothing answers there.
        """
        settings = self.environment.settings("MONGODB_URI")
        origin = self.environment.origin_of("MONGODB_URI")
        try:
            database = connect_mongo(settings, service="cli")
            database.command("ping")
        except ConfigurationError as error:
            raise BadInput(f"MONGODB_URI ({origin}) is wrong: {plain(error, longest=200)}.") from error
        except PyMongoError as error:
            raise Unreachable(
                f"MongoDB does not answer at MONGODB_URI ({origin}): {plain(error, longest=200)}",
                "Start it with `make dev`, or set MONGODB_URI to where it runs.",
            ) from error
        self.output.detail(f"database: {database.name}, MONGODB_URI {origin}")
        return database

    def vault(self) -> CredentialsVault:
        """What encrypts credentials, with CREDENTIALS_KEY.

        Raises:
            BadInput: CREDENTIALS_KEY is missing or wrong.
        """
        settings = self.environment.settings("CREDENTIALS_KEY")
        self.output.detail(f"CREDENTIALS_KEY: {self.environment.origin_of('CREDENTIALS_KEY')}")
        try:
            return CredentialsVault(settings.credentials_key)
        except SettingsError as error:
            raise BadInput(f"{error}.") from error


def with_app(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command an :class:`App` as its first argument, and the options that all commands have.

    What the libraries below raise for a person to read ends here as a :class:`~libs.cli.failures.Failure`.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
    @click.option("--verbose", is_flag=True, help="Say which settings are used, and where they come from.")
    @functools.wraps(command)
    def run(*arguments: object, as_json: bool, verbose: bool, **options: object) -> None:
        try:
            with _failures_for_people():
                app = App(read_environment(os.environ, folder=Path.cwd()), Output(as_json=as_json, verbose=verbose))
                command(app, *arguments, **options)
        except Failure as failure:
            failure.as_json = as_json
            raise

    return run


@contextmanager
def _failures_for_people() -> Iterator[None]:
    """Turns what the libraries below raise into what a person reads."""
    try:
        yield
    except SettingsError as error:
        raise BadInput(f"{error}.") from error
    except EmbeddedServerError as error:
        raise CommandFailed(str(error)) from error
    except StoreUnavailable as error:
        raise Unreachable(f"{plain(error, longest=300)}.", "Try again when it is back.") from error
    except PyMongoError as error:
        raise Unreachable(
            f"MongoDB refused or went away: {plain(error, longest=300)}", "Look at MONGODB_URI, then try again."
        ) from error
