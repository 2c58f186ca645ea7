"""`tuco-jobs keys`: the keys that encrypt credentials."""

import click

from libs.cli.app import App, with_app
from libs.cli.failures import CommandFailed
from libs.cli.key_rotation import rotate_credentials
from libs.cli.output import facts
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


@keys.command()
@with_app
def rotate(app: App) -> None:
    """Encrypt all stored credentials anew with the first key of CREDENTIALS_KEY.

    Afterwards the keys behind it can be taken away, once no process is left that still encrypts with them.
    """
    report = rotate_credentials(app.database(), app.vault())
    app.output.answer(
        report,
        facts(
            {
                "encrypted anew": report.sealed,
                "written by others meanwhile": report.changed_meanwhile or None,
                "unreadable": ", ".join(report.unreadable) or None,
            }
        ),
    )
    if report.unreadable:
        raise CommandFailed(
            f"No key opens {len(report.unreadable)} of the credentials.", "Give their lines and integrations new ones."
        )
