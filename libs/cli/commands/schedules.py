"""`tuco-jobs schedules`: what runs when, what became of the last ticks, on and off."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import RenderableType

from libs.cli.app import App, with_app
from libs.cli.commands.enqueue import read_payload
from libs.cli.commands.job import queued_view, show_job
from libs.cli.completing import complete_job_type
from libs.cli.output import plain, table


@click.group(invoke_without_command=True)
@click.pass_context
@with_app
def schedules(app: App, context: click.Context) -> None:
    """Schedules: which jobs are emitted when. Without a command it lists them."""
    if context.invoked_subcommand is None:
        _show_all(app)


@schedules.command(name="list")
@with_app
def list_schedules(app: App) -> None:
    """List the schedules with their next run and their last tick."""
    _show_all(app)


@schedules.command()
@click.argument("name")
@with_app
def ticks(app: App, *, name: str) -> None:
    """List what became of the last ticks of the schedule NAME."""
    with app.gateway() as gateway:
        answer = gateway.ticks(name)
    view = table("tick", "outcome", "why")
    for found in answer["ticks"]:
        view.add_row(found["tick"], found["outcome"], plain(found.get("reason") or "", longest=120))
    app.output.answer(answer, view if view.rows else "No tick is known.")


@schedules.command(name="set")
@click.argument("name")
@click.option("--cron", metavar="TEXT", help="Five fields: minute hour day month weekday.")
@click.option("--timezone", metavar="TEXT", help="An IANA time zone.")
@click.option(
    "--job-type", metavar="TEXT", shell_complete=complete_job_type, help="What it emits; needed for a new schedule."
)
@click.option("--data", metavar="JSON|@FILE|-", help="The payload of each job, where its type takes one.")
@click.option("--on/--off", "enabled", default=None, help="Switch it on or off.")
@click.option(
    "--missed", type=click.Choice(["run-once-late", "skip"]), help="What a tick means that nobody was there for."
)
@with_app
def set_schedule(
    app: App,
    *,
    name: str,
    cron: str | None,
    timezone: str | None,
    job_type: str | None,
    data: str | None,
    enabled: bool | None,
    missed: str | None,
) -> None:
    """Create or change the schedule NAME; what is not named stays as it is. Needs ADMIN_TOKEN."""
    payload = None if data is None else read_payload(data)
    order = {"cron": cron, "timezone": timezone, "jobType": job_type, "data": payload, "enabled": enabled}
    _put(app, name, {**order, "missed": missed})


@schedules.command()
@click.argument("name")
@with_app
def on(app: App, *, name: str) -> None:
    """Switch the schedule NAME on. Needs ADMIN_TOKEN."""
    _put(app, name, {"enabled": True})


@schedules.command()
@click.argument("name")
@with_app
def off(app: App, *, name: str) -> None:
    """Switch the schedule NAME off; it stays as it is otherwise. Needs ADMIN_TOKEN."""
    _put(app, name, {"enabled": False})


@schedules.command()
@click.argument("name")
@click.option("--follow", is_flag=True, help="Stay until its job has ended; exit status 1 if it fails.")
@with_app
def run(app: App, *, name: str, follow: bool) -> None:
    """Run the schedule NAME now, beside its ticks. Needs ADMIN_TOKEN."""
    with app.gateway(admin=True) as gateway:
        answer = gateway.run_schedule(name)
        if follow:
            show_job(app, gateway, answer["jobId"], follow=True)
            return
    app.output.answer(answer, queued_view(answer["jobId"]))


def schedules_view(answer: Mapping[str, Any]) -> RenderableType:
    """The answer of ``GET /schedules`` for a person."""
    view = table("schedule", "job type", "cron", "time zone", "next", "last tick", "")
    for found in answer["schedules"]:
        last = found.get("lastTick") or {}
        view.add_row(
            plain(found["name"], longest=60),
            plain(found["jobType"], longest=60),
            plain(found["cron"], longest=40),
            plain(found["timezone"], longest=40),
            plain(found.get("nextAt") or "off", longest=40),
            plain(last.get("tick") or "none", longest=40),
            plain(f"{last.get('outcome', '')} {last.get('reason', '')}".strip(), longest=80),
        )
    return view if view.rows else "There are no schedules yet. Create them with: tuco-jobs init"


def _show_all(app: App) -> None:
    with app.gateway() as gateway:
        answer = gateway.schedules()
    app.output.answer(answer, schedules_view(answer))


def _put(app: App, name: str, order: Mapping[str, Any]) -> None:
    with app.gateway(admin=True) as gateway:
        answer = gateway.put_schedule(name, {key: value for key, value in order.items() if value is not None})
    app.output.answer(answer, f"Next run: {plain(answer.get('nextAt') or 'none, it is off', longest=60)}.")
