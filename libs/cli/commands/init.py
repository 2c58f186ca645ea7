"""`tuco-jobs init`: create what an installation needs, or restore it."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import RenderableType

from libs.cli.app import App, with_app
from libs.cli.output import facts


@click.command()
@with_app
def init(app: App) -> None:
    """Create or restore collections, indexes and schedules (ADMIN_TOKEN); doing it twice changes nothing."""
    with app.gateway(admin=True) as gateway:
        answer = gateway.initialize()
    app.output.answer(answer, init_view(answer))


def init_view(answer: Mapping[str, Any]) -> RenderableType:
    """The answer of ``POST /initialize`` for a person."""
    created = answer.get("created") or {}
    names = {kind: ", ".join(map(str, each)) for kind, each in created.items() if each}
    return (
        facts({f"{kind} created": each for kind, each in names.items()})
        if names
        else "Everything was there already; nothing has changed."
    )
