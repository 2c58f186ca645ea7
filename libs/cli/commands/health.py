"""`tuco-jobs health`: is everything up, and if not, which part?"""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.app import App, with_app
from libs.cli.failures import CommandFailed
from libs.cli.health import parts_of
from libs.cli.output import plain, table

_GOOD = frozenset({"ok", "up", "healthy", "ready"})


@click.command()
@with_app
def health(app: App) -> None:
    """Show whether the gateway, Redis, MongoDB and each service are up; exit status 1 if not."""
    with app.gateway() as gateway:
        healthy, answer = gateway.health()
    app.output.answer(answer, health_view(answer, healthy=healthy))
    if not healthy:
        raise CommandFailed("The system is not healthy.", "The parts above say which; their logs say why.")


def health_view(answer: Mapping[str, Any], *, healthy: bool) -> RenderableType:
    """The answer of ``GET /health`` for a person."""
    head = Text("healthy", style="bold green") if healthy else Text("unhealthy", style="bold red")
    view = table("part", "status", "")
    for name, part in parts_of(answer):
        status = plain(part.get("status", "?"), longest=40)
        rest = ", ".join(
            f"{key} {plain(value)}" for key, value in part.items() if key != "status" and value is not None
        )
        view.add_row(name, Text(status, style="green" if status in _GOOD else "red"), rest)
    return Group(head, view) if view.rows else head
