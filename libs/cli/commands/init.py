"""`tuco-jobs init`: create what an installation needs, or restore it."""

import click

from libs.cli.app import App, with_app
from libs.cli.jobs import result_view


@click.command()
@with_app
def init(app: App) -> None:
    """Create or restore the schedules (ADMIN_TOKEN); doing it twice changes nothing."""
    with app.gateway(admin=True) as gateway:
        answer = gateway.initialize()
    app.output.answer(answer, result_view(answer))
