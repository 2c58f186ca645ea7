"""`tuco-jobs job`: look at one job, or follow it to its end."""

import re

import click
import msgspec
from rich.console import RenderableType

from libs.cli.app import App, with_app
from libs.cli.failures import INTERRUPTED, BadInput, CommandFailed, Unreachable
from libs.cli.following import follow as follow_to_end
from libs.cli.gateway import Gateway, NoSuchJobError
from libs.cli.jobs import JobAnswer, job_view, read_job
from libs.cli.output import facts, plain

_JOB_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--follow", is_flag=True, help="Stay until the job has ended; exit status 1 if it fails.")
@with_app
def job(app: App, *, job_id: str, follow: bool) -> None:
    """Show the job with this ID: state, progress, attempts, result."""
    if not _JOB_ID.fullmatch(job_id):
        raise BadInput(f"{plain(job_id, longest=80)!r} is no job id.", "Enqueueing a job prints its id.")
    with app.gateway() as gateway:
        show_job(app, gateway, job_id, follow=follow)


def show_job(app: App, gateway: Gateway, job_id: str, *, follow: bool) -> None:
    """Print a job, at once or when it has ended.

    Raises:
        CommandFailed: the job is a dead letter or was cancelled.
        BadInput: there is no such job.
        Unreachable: the gateway is not there, or stays away while the job is followed.
    """

    def fetch() -> JobAnswer:
        return fetch_job(gateway, job_id)

    try:
        found = follow_to_end(fetch, app.output.err) if follow else fetch()
    except KeyboardInterrupt:
        app.output.note(f"The job goes on without you. To follow it again: tuco-jobs job {job_id} --follow")
        raise click.exceptions.Exit(INTERRUPTED) from None
    app.output.answer(found, job_view(found))
    if found.ended and not found.succeeded:
        raise CommandFailed(f"The job has {'failed' if found.state == 'failed' else 'been cancelled'}.")


def queued_view(job_id: str) -> RenderableType:
    """A job that was just handed over, and how to see what becomes of it."""
    return facts({"job": job_id, "follow it with": f"tuco-jobs job {plain(job_id, longest=80)} --follow"})


def fetch_job(gateway: Gateway, job_id: str) -> JobAnswer:
    """One job as typed data.

    Raises:
        BadInput: there is no such job.
        Unreachable: the answer is no job of ours.
    """
    try:
        return read_job(gateway.job(job_id))
    except NoSuchJobError:
        raise BadInput(
            f"There is no job {job_id} at {gateway.url}.", "It may have been finished and forgotten long ago."
        ) from None
    except msgspec.ValidationError as error:
        raise Unreachable(f"{gateway.url} answered with something that is no job: {error}.") from error
