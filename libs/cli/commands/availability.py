"""`tuco-jobs availability`: which leads can be reached by iMessage?"""

from collections.abc import Iterator, Sequence
from itertools import islice

import click
from pymongo.database import Database
from rich.console import RenderableType

from libs.cli.app import App, with_app
from libs.cli.commands.job import show_job
from libs.cli.failures import BadInput
from libs.cli.gateway import Gateway
from libs.cli.jobs import result_view
from libs.cli.output import facts, plain
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY, MAX_LEADS
from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document


@click.group()
def availability() -> None:
    """Availability of leads on iMessage."""


@availability.command()
@click.argument("lead_ids", metavar="[LEAD_ID]...", nargs=-1)
@click.option("--workspace", required=True, metavar="ID", help="The workspace of the leads.")
@click.option("--all", "everyone", is_flag=True, help="All leads of the workspace, read from MongoDB.")
@click.option("--user", default="cli", show_default=True, metavar="ID", help="Who asks.")
@click.option("--follow", is_flag=True, help="Stay until the answers are there; exit status 1 if the job fails.")
@with_app
def check(app: App, *, lead_ids: tuple[str, ...], workspace: str, everyone: bool, user: str, follow: bool) -> None:
    """Ask for each lead whether iMessage reaches it: the LEAD_IDs, or --all of a workspace.

    Up to 10 leads are answered at once; for more a job is queued.
    """
    if everyone == bool(lead_ids):
        raise BadInput("Name the leads by their ids, or use --all for the whole workspace.")
    database = app.database() if everyone else None
    with app.gateway() as gateway:
        asked = 0
        for part in _parts(ids_of(database, workspace)) if database is not None else [list(lead_ids)]:
            asked += len(part)
            _ask(app, gateway, part, workspace=workspace, user=user, follow=follow)
    if not asked:
        raise BadInput(
            f"The workspace {plain(workspace, longest=80)!r} has no leads.",
            f"Bring some in: tuco-jobs leads import FILE.csv --workspace {plain(workspace, longest=80)}",
        )


def ids_of(database: Database[Document], workspace: str) -> Iterator[str]:
    """The ids of a workspace's leads, in their order, straight from the index."""
    found = database[LEADS].find({"workspaceId": workspace}, {"_id": True}).sort("_id", 1).batch_size(10_000)
    return (str(document["_id"]) for document in found)


def _ask(app: App, gateway: Gateway, leads: Sequence[str], *, workspace: str, user: str, follow: bool) -> None:
    data = {"leadIds": leads, "userId": user, "workspaceId": workspace}
    answer = gateway.enqueue(BULK_AVAILABILITY.job_type, data)
    job_id = answer.get("jobId")
    if "result" in answer or job_id is None:
        app.output.answer(answer, result_view(answer.get("result", answer)))
    elif follow:
        app.output.note(f"job {job_id}: {len(leads):,} leads")
        show_job(app, gateway, str(job_id), follow=True)
    else:
        app.output.answer(answer, _queued_view(str(job_id), len(leads)))


def _queued_view(job_id: str, leads: int) -> RenderableType:
    return facts({"job": job_id, "leads": f"{leads:,}", "follow it with": f"tuco-jobs job {job_id} --follow"})


def _parts(ids: Iterator[str]) -> Iterator[list[str]]:
    while part := list(islice(ids, MAX_LEADS)):
        yield part
