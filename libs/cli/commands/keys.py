"""`tuco-jobs keys`: the keys that encrypt credentials."""

import click

from libs.cli.app import App, with_app
from libs.common.credentials import new_credentials_key


@click.group()
def keys() -> None:
    """Keys that encrypt the credentials of lines and integrations."""


@keys.command()
@with_app
def generate(app: App) -> None:
    """Print a new key for CREDENTIALS_KEY.

    To change keys, put the new one before the old one, separated by a comma: the first encrypts, all decrypt.
    """
    key = new_credentials_key()
    app.output.answer({"key": key}, key)
