"""`tuco-jobs jobs`, `dead`, `retry`, `cancel`, `promote`, `pause`, `unpause`: see what queues hold, and mend it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.app import App, with_app
from libs.cli.completing import complete_queue
from libs.cli.failures import BadInput, CommandFailed, Failure
from libs.cli.gateway import Gateway
from libs.cli.output import plain, table
from libs.common.jobs.states import JobState

_STATES = [state.value for state in JobState]
_MOST_SHOWN = 10_000
_PAGE = 100


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose jobs."""
    for option in (
        click.option("--error", default="", help="Only jobs whose errors hold this text."),
        click.option("--workspace", default=None, help="Only jobs of this workspace."),
        click.option("--type", "job_type", default="", help="Only jobs of this type."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("queue", required=False, shell_complete=complete_queue)
@click.option("--state", type=click.Choice(_STATES), default="waiting", show_default=True, help="The jobs' state.")
@click.option("--limit", type=click.IntRange(1, _MOST_SHOWN), default=20, show_default=True, help="The most to show.")
@_filters
@with_app
def jobs(
    app: App, *, queue: str | None, state: str, limit: int, job_type: str, workspace: str | None, error: str
) -> None:
    """List the jobs of QUEUE, or of every queue, in a state."""
    with app.gateway() as gateway:
        found = _collect(gateway, queue, state, limit, jobType=job_type, workspaceId=workspace, error=error)
    app.output.answer({"jobs": found}, jobs_view(found, state))


@click.command()
@click.argument("queue", required=False, shell_complete=complete_queue)
@click.option("--limit", type=click.IntRange(1, _MOST_SHOWN), default=20, show_default=True, help="The most to show.")
@click.option("--remove", is_flag=True, help="Forget them instead of listing them; the history keeps how they ended.")
@click.option("--retry", "again", is_flag=True, help="Run them again instead of listing them.")
@_filters
@with_app
def dead(
    app: App,
    *,
    queue: str | None,
    limit: int,
    remove: bool,
    again: bool,
    job_type: str,
    workspace: str | None,
    error: str,
) -> None:
    """List the dead letters of QUEUE, the latest first, or of every queue; run all that fit again, or forget them."""
    if remove and again:
        raise BadInput("--remove and --retry exclude each other.")
    if queue is None and (remove or again):
        raise BadInput("Of which queue?", f"Name it: tuco-jobs dead QUEUE {'--remove' if remove else '--retry'}")
    if queue is None or not (remove or again):
        with app.gateway() as gateway:
            found = _collect(gateway, queue, "failed", limit, jobType=job_type, workspaceId=workspace, error=error)
        app.output.answer({"jobs": found}, jobs_view(found, "failed"))
        return
    with app.gateway(admin=True) as gateway:
        act = gateway.remove_dead if remove else gateway.retry_dead
        done, refused = 0, 0
        while True:
            answer = act(queue, jobType=job_type, workspaceId=workspace, error=error)
            done, refused = done + answer["done"], refused + answer["refused"]
            # Those that are refused stay where they are, so a call that did nothing would be followed by its like.
            if not answer["more"] or not answer["done"]:
                break
    word = "removed" if remove else "retried"
    left = f"; {refused:,} left alone, because another job stands for the same" if refused else ""
    app.output.answer({"queue": queue, "done": done, "refused": refused}, Text(f"{done:,} dead letters {word}{left}."))


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@with_app
def retry(app: App, *, job_ids: tuple[str, ...]) -> None:
    """Run dead letters again, by their IDs."""
    _decide(app, job_ids, "retry")


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@with_app
def cancel(app: App, *, job_ids: tuple[str, ...]) -> None:
    """Cancel jobs that have not ended, forget those that have; a running one is asked to stop."""
    _decide(app, job_ids, "")


@click.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@with_app
def promote(app: App, *, job_ids: tuple[str, ...]) -> None:
    """Run delayed jobs now."""
    _decide(app, job_ids, "promote")


@click.command()
@click.argument("queue", shell_complete=complete_queue)
@with_app
def pause(app: App, *, queue: str) -> None:
    """Hand out no more jobs of QUEUE; running ones go on."""
    _pause(app, queue, paused=True)


@click.command()
@click.argument("queue", shell_complete=complete_queue)
@with_app
def unpause(app: App, *, queue: str) -> None:
    """Hand out the jobs of QUEUE again."""
    _pause(app, queue, paused=False)


def jobs_view(found: Sequence[Mapping[str, Any]], state: str) -> RenderableType:
    """Jobs for a person."""
    if not found:
        return Text(f"No job is {state}.")
    view = table("job", "queue", "type", "workspace", "attempts", "created", "why", numbers=("attempts",))
    for job in found:
        attempts = job.get("attempts") or []
        why = job.get("reason") or (attempts[-1].get("error") if attempts else "")
        view.add_row(
            *(plain(job.get(name) or "", longest=60) for name in ("jobId", "queue", "jobType", "group")),
            f"{job.get('attemptsMade', 0):,}",
            plain(job.get("createdAt", ""), longest=30),
            plain(why or "", longest=120),
        )
    return Group(view, Text(f"{len(found):,} shown.", style="dim"))


def _collect(
    gateway: Gateway, queue: str | None, state: str, limit: int, **filters: str | None
) -> list[dict[str, Any]]:
    """The first jobs that fit, of one queue or of one queue after the other."""
    if queue is not None:
        return _collect_of(gateway, queue, state, limit, **filters)
    found: list[dict[str, Any]] = []
    for each in gateway.stats()["queues"]:
        if len(found) < limit and each["counts"].get(state):
            found += _collect_of(gateway, each["queue"], state, limit - len(found), **filters)
    return found


def _collect_of(gateway: Gateway, queue: str, state: str, limit: int, **filters: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < limit:
        page = gateway.browse(queue, state=state, limit=min(_PAGE, limit - len(found)), cursor=cursor, **filters)
        found += page["jobs"]
        cursor = page["cursor"]
    return found


def _decide(app: App, job_ids: Sequence[str], decision: str) -> None:
    """Decides about each job; one that cannot be decided about leaves the others alone."""
    done: list[dict[str, Any]] = []
    failures: list[tuple[str, Failure]] = []
    with app.gateway(admin=True) as gateway:
        for job_id in job_ids:
            try:
                done.append(gateway.decide(job_id, decision))
            except BadInput as failure:
                if len(job_ids) == 1:
                    raise
                failures.append((job_id, failure))
    words = [Text(f"{plain(each['jobId'])} {plain(each['status'])}") for each in done]
    app.output.answer({"jobs": done, "refused": [job_id for job_id, _ in failures]}, Group(*words))
    for _, refusal in failures:
        app.output.note(refusal.message)
    if failures:
        raise CommandFailed(f"{len(failures):,} of {len(job_ids):,} jobs were left as they are.")


def _pause(app: App, queue: str, *, paused: bool) -> None:
    with app.gateway(admin=True) as gateway:
        answer = gateway.pause(queue, paused=paused)
    app.output.answer(answer, Text(f"{queue} {'is paused' if answer['paused'] else 'hands out jobs'}."))
