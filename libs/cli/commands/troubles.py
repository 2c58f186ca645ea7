"""`tuco-jobs troubles`: what is wrong now?"""

import click

from libs.cli.app import App, with_app
from libs.cli.failures import CommandFailed
from libs.cli.troubles import needs_a_person, troubles_view


@click.command()
@with_app
def troubles(app: App) -> None:
    """Say what is wrong now, the worst first; exit status 1 if work does not get done."""
    with app.gateway() as gateway:
        answer = gateway.troubles()
    app.output.answer(answer, troubles_view(answer))
    if needs_a_person(answer):
        raise CommandFailed("Work does not get done.", "docs/troubleshooting.md says what to do about each.")
