"""`tuco-jobs explain` and `tuco-jobs message`: why a message is not sent yet, and what a person decides about it."""

import getpass
from collections.abc import Mapping
from typing import Any

import click
from rich.console import RenderableType

from libs.cli.app import App, with_app
from libs.cli.output import facts, plain, table

_RESOLUTIONS = ("resend", "mark-sent", "mark-failed")


@click.command()
@click.argument("message_id", metavar="ID")
@with_app
def explain(app: App, *, message_id: str) -> None:
    """Say why the message with this ID is not sent yet, and when it can go at the earliest."""
    with app.gateway() as gateway:
        answer = gateway.explain(message_id)
    app.output.answer(answer, _explained(answer))


@click.group()
def message() -> None:
    """Messages that wait for a person's decision."""


@message.command()
@click.option("--workspace", metavar="ID", help="Only those of this workspace.")
@with_app
def uncertain(app: App, *, workspace: str | None) -> None:
    """List messages of which nobody knows whether they went out."""
    with app.gateway() as gateway:
        answer = gateway.uncertain(workspace)
    view = table("message", "workspace", "line", "handed over", "why")
    for found in answer["messages"]:
        names = ("messageId", "workspaceId", "lineId", "dispatchedAt", "error")
        view.add_row(*(plain(found.get(name) or "", longest=80) for name in names))
    app.output.answer(answer, view if view.rows else "Nothing waits for a decision.")


@message.command()
@click.argument("message_id", metavar="ID")
@click.argument("resolution", type=click.Choice(_RESOLUTIONS))
@with_app
def resolve(app: App, *, message_id: str, resolution: str) -> None:
    """Decide about an uncertain message: send it again, or note that it went out or did not.

    A failed message can be sent again too.
    """
    with app.gateway() as gateway:
        answer = gateway.resolve(message_id, resolution, by=getpass.getuser())
    app.output.answer(answer, f"The message is {plain(answer.get('status', '?'), longest=40)} now.")


@message.command()
@click.argument("message_id", metavar="ID")
@with_app
def cancel(app: App, *, message_id: str) -> None:
    """Cancel a message that nobody has begun to send."""
    with app.gateway() as gateway:
        answer = gateway.cancel_message(message_id)
    app.output.answer(answer, f"The message is {plain(answer.get('status', '?'), longest=40)} now.")


@click.command()
@click.argument("campaign_id", metavar="ID")
@click.option("--workspace", required=True, metavar="ID", help="The workspace that the campaign belongs to.")
@with_app
def campaign(app: App, *, campaign_id: str, workspace: str) -> None:
    """Show how far a campaign is, what its messages wait for, and when the last one will have gone."""
    with app.gateway() as gateway:
        answer = gateway.campaign(workspace, campaign_id)
    app.output.answer(answer, _campaign_view(answer))


def _explained(answer: Mapping[str, Any]) -> RenderableType:
    return facts(
        {
            "status": answer.get("status"),
            "why": answer.get("explanation"),
            "limit": answer.get("reason"),
            "earliest": answer.get("earliestAt"),
            "line": answer.get("lineId"),
            "attempts": answer.get("attempts"),
            "last error": answer.get("error"),
        }
    )


def _campaign_view(answer: Mapping[str, Any]) -> RenderableType:
    return facts(
        {
            **{f"{status}": number for status, number in answer.get("byStatus", {}).items()},
            **{f"waiting for {reason}": number for reason, number in answer.get("waitingFor", {}).items()},
            "last one gone": answer.get("lastAt"),
            "not within a year": answer.get("notWithinAYear"),
        }
    )
