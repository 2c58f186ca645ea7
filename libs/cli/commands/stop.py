"""`tuco-jobs stop` and `tuco-jobs resume`: send nothing more, and go on."""

from collections.abc import Callable
from typing import Any

import click

from libs.cli.app import App, with_app
from libs.cli.failures import BadInput
from libs.cli.output import plain, table

_SCOPES = ("workspace", "line", "campaign", "recipient")


def _of_scope(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that say what is stopped."""
    command = click.option("--workspace", required=True, metavar="ID", help="The workspace.")(command)
    command = click.argument("target", required=False, metavar="[TARGET]")(command)
    return click.argument("scope", type=click.Choice(_SCOPES))(command)


@click.command()
@_of_scope
@click.option("--cancel", is_flag=True, help="Cancel what waits, instead of holding it.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever looks later.")
@with_app
def stop(app: App, *, scope: str, target: str | None, workspace: str, cancel: bool, reason: str) -> None:
    """Send nothing more: of a workspace, or of the line, campaign or recipient TARGET in it.

    It holds from the next message on; what is on its way to a provider at this instant cannot be called back.
    """
    order = {**_order(scope, target, workspace), "cancel": cancel, "reason": reason}
    with app.gateway() as gateway:
        answer = gateway.stop(order)
    cancelled = f" {answer['cancelled']:,} messages are cancelled." if answer.get("cancelled") else ""
    app.output.answer(answer, f"Stopped.{cancelled}")


@click.command()
@_of_scope
@with_app
def resume(app: App, *, scope: str, target: str | None, workspace: str) -> None:
    """End a stop; what waited under it goes on at once."""
    with app.gateway() as gateway:
        answer = gateway.lift(_order(scope, target, workspace))
    app.output.answer(answer, f"Going on; {answer.get('woken', 0):,} messages were woken.")


@click.command()
@click.option("--workspace", required=True, metavar="ID", help="The workspace.")
@with_app
def stops(app: App, *, workspace: str) -> None:
    """List the stops in force in a workspace."""
    with app.gateway() as gateway:
        answer = gateway.stops(workspace)
    view = table("scope", "target", "since", "until", "does", "last left", "reason")
    for found in answer["stops"]:
        view.add_row(
            found["scope"],
            plain(found["target"], longest=60),
            plain(found["at"], longest=40),
            plain(found.get("until") or "lifted", longest=40),
            "cancels" if found.get("cancels") else "holds",
            plain(found.get("lastLeftAt") or "", longest=40),
            plain(found.get("reason") or "", longest=60),
        )
    app.output.answer(answer, view if view.rows else "Nothing is stopped.")


def _order(scope: str, target: str | None, workspace: str) -> dict[str, Any]:
    if scope == "workspace":
        return {"scope": scope, "workspaceId": workspace}
    if not target:
        raise BadInput(f"Which {scope}?", f"Name it: tuco-jobs stop {scope} TARGET --workspace {plain(workspace)}")
    return {"scope": scope, "workspaceId": workspace, "target": target}
