"""`tuco-jobs bulk`: one action on every job that fits a filter, first as a dry run, then as a job with progress."""

import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.app import App, with_app
from libs.cli.commands.job import queued_view, show_job
from libs.cli.completing import complete_job_type, complete_queue
from libs.cli.failures import BadInput
from libs.cli.output import plain, table
from libs.common.jobs.bulk_action import Action
from libs.common.jobs.states import JobState

_MOMENT = "A moment, such as 2026-03-01T12:00:00Z or -2h."


@click.command()
@click.argument("action", type=click.Choice([action.value for action in Action]))
@click.option("--queue", "queues", multiple=True, shell_complete=complete_queue, help="Of this queue; may be repeated.")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="In this state.")
@click.option("--type", "job_type", shell_complete=complete_job_type, help="Of this type.")
@click.option("--workspace", metavar="ID", help="Of this workspace.")
@click.option("--error", metavar="TEXT", help="Whose errors hold this text.")
@click.option("--error-type", metavar="TEXT", help="Whose last error is of this kind, such as Retryable.")
@click.option("--created-after", metavar="MOMENT", help=_MOMENT)
@click.option("--created-before", metavar="MOMENT", help=_MOMENT)
@click.option("--finished-after", metavar="MOMENT", help=_MOMENT)
@click.option("--finished-before", metavar="MOMENT", help=_MOMENT)
@click.option("--dry-run", is_flag=True, help="Only say how many jobs that are, and which.")
@click.option("--yes", is_flag=True, help="Do it without asking; needed where nobody can be asked.")
@click.option("--follow", is_flag=True, help="Stay until it is done; exit status 1 if it fails.")
@with_app
def bulk(app: App, *, action: str, dry_run: bool, yes: bool, follow: bool, **chosen: Any) -> None:
    """Do ACTION with every job that fits the options; at least one besides --state is needed. Needs ADMIN_TOKEN.

    Without --yes it says first how many jobs that are, and asks.

    \b
    tuco-jobs bulk retry --queue message-processing --error "no answer" --finished-after -2h
    """
    order = {"action": action, "filter": _filter(chosen)}
    with app.gateway(admin=True) as gateway:
        if dry_run or not yes:
            found = gateway.act_on_jobs({**order, "dryRun": True})
            if dry_run:
                app.output.answer(found, preview_view(found))
                return
            app.output.err.print(preview_view(found))
            if not sys.stdin.isatty():
                raise BadInput("Nobody can be asked whether to do it.", "Say --yes, or --dry-run to look only.")
            click.confirm(f"{action.capitalize()} them?", abort=True, err=True)
        answer = gateway.act_on_jobs(order)
        job_id = str(answer["jobId"])
        if follow:
            show_job(app, gateway, job_id, follow=True)
            return
    app.output.answer(answer, queued_view(job_id))


def preview_view(answer: Mapping[str, Any]) -> RenderableType:
    """What a dry run found, for a person."""
    found = answer["found"]
    at_least = "" if found["exact"] else "at least "
    by_queue = ", ".join(f"{plain(queue, longest=60)} {count:,}" for queue, count in found["byQueue"].items())
    head = Text(f"{at_least}{found['count']:,} jobs{f': {by_queue}' if by_queue else ''}")
    if not found["sample"]:
        return head
    view = table("job", "queue", "state", "workspace", "why")
    for job in found["sample"]:
        names = ("jobId", "queue", "state", "workspaceId", "error")
        view.add_row(*(plain(job.get(name) or "", longest=120) for name in names))
    return Group(head, view)


def _filter(chosen: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "queues": "queues",
        "state": "state",
        "job_type": "jobType",
        "workspace": "workspaceId",
        "error": "error",
        "error_type": "errorType",
        "created_after": "createdAfter",
        "created_before": "createdBefore",
        "finished_after": "finishedAfter",
        "finished_before": "finishedBefore",
    }
    return {names[name]: value for name, value in chosen.items() if value}
