"""`tuco-jobs sync`: bring a CRM's rows into a workspace's leads."""

import click
from pymongo.database import Database
from rich.console import RenderableType

from libs.cli.app import App, with_app
from libs.cli.commands.integration import find_integration
from libs.cli.commands.job import show_job
from libs.cli.failures import CommandFailed
from libs.cli.output import facts, plain, table
from libs.common.jobs.integration_sync import INTEGRATION_SYNC, SyncMode
from libs.common.stores.integrations import IntegrationStore
from libs.common.stores.mongo import Document
from libs.common.stores.sync_runs import SyncRunStore

_PROBLEMS_SHOWN = 20


@click.command()
@click.argument("integration_id", metavar="INTEGRATION")
@click.option(
    "--mode",
    type=click.Choice([str(each) for each in SyncMode]),
    default=str(SyncMode.INCREMENTAL),
    show_default=True,
    help="What changed, everything, or only what a full run would do.",
)
@click.option("--follow", is_flag=True, help="Stay until the run has ended; exit status 1 if it fails.")
@with_app
def sync(app: App, *, integration_id: str, mode: str, follow: bool) -> None:
    """Sync an INTEGRATION now. While one of its runs is going, this shows that one."""
    database = app.database()
    found = find_integration(IntegrationStore(database, app.vault()), integration_id)
    data = {"integrationId": found.id, "workspaceId": found.workspace_id, "mode": mode}
    with app.gateway() as gateway:
        answer = gateway.enqueue(INTEGRATION_SYNC.job_type, data)
        job_id = str(answer.get("jobId"))
        if not follow:
            app.output.answer(answer, facts({"job": job_id, "follow it with": f"tuco-jobs job {job_id} --follow"}))
            return
        app.output.note(f"job {job_id}: {found.provider}, {mode}")
        try:
            show_job(app, gateway, job_id, follow=True)
        except CommandFailed:
            _show_problems(app, database, job_id)
            raise
    _show_problems(app, database, job_id)


def _show_problems(app: App, database: Database[Document], job_id: str) -> None:
    """The rows that were refused, on standard error: they are not the answer."""
    runs = SyncRunStore(database)
    run = runs.of_job(job_id)
    if run is None or not run.checkpoint.problems or app.output.as_json:
        return
    problems = runs.problems_of(run.id, limit=_PROBLEMS_SHOWN)
    if problems:
        app.output.err.print(_problems_view(problems))
    more = run.checkpoint.problems - len(problems)
    if more > 0:
        app.output.note(f"... and {more:,} more, in syncErrors with runId {run.id}")


def _problems_view(problems: list[Document]) -> RenderableType:
    view = table("row", "field", "value", "reason", "then")
    for each in problems:
        view.add_row(
            plain(each["row"], longest=40),
            plain(each["field"], longest=40),
            plain(each["value"], longest=60),
            plain(each["reason"], longest=60),
            "the row was left out" if each["fatal"] else "the field was left out",
        )
    return view
