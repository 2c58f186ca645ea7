"""`tuco-jobs top`: the whole installation on one screen, live."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from libs.cli.app import App, with_app
from libs.cli.commands.stats import stats_view
from libs.cli.failures import Unreachable
from libs.cli.gateway import Gateway
from libs.cli.output import plain, table
from libs.cli.troubles import troubles_view
from libs.cli.watching import watch


@click.command()
@click.option(
    "--every", type=click.FloatRange(min=0.2), default=2.0, show_default=True, metavar="SECONDS", help="How often."
)
@click.option("--times", type=click.IntRange(min=1), help="Look so often, then end.  [until Ctrl-C]")
@with_app
def top(app: App, *, every: float, times: int | None) -> None:
    """Show live what is wrong, every queue with its rates, and the workers; Ctrl-C leaves it.

    Where the output is no terminal, the screens follow each other; with --json each is a line.
    """
    with app.gateway() as gateway:
        watch(lambda: look(gateway), top_view, app.output, every_s=every, times=times, whole_screen=True)


def look(gateway: Gateway) -> dict[str, Any]:
    """What is wrong, and the numbers; without them where Redis, which has them, is away.

    Raises:
        Unreachable: the gateway is.
    """
    _, health = gateway.health()
    troubles = gateway.troubles()
    redis = (health.get("parts") or {}).get("redis") or {}
    if redis.get("status") == "down":  # one that is frozen would let the numbers wait for its time-outs
        return {"troubles": troubles, "stats": None}
    try:
        return {"troubles": troubles, "stats": gateway.stats()}
    except Unreachable:
        return {"troubles": troubles, "stats": None}


def top_view(seen: Mapping[str, Any]) -> RenderableType:
    """One screen."""
    parts = [troubles_view(seen["troubles"]), Text()]
    stats = seen["stats"]
    if stats is None:
        return Group(*parts, Text("The numbers are in Redis, which does not answer.", style="dim"))
    return Group(*parts, stats_view(stats), Text(), workers_view(stats))


def workers_view(stats: Mapping[str, Any]) -> RenderableType:
    """The workers that live."""
    workers = [worker for worker in stats.get("workers") or [] if isinstance(worker, Mapping)]
    if not workers:
        return Text("No worker has said within the last 20 seconds that it lives.", style="bold red")
    view = table("worker", "service", "queues", "jobs in hand", "seen", numbers=("jobs in hand",))
    for worker in workers:
        view.add_row(
            plain(worker.get("worker", "?"), longest=60),
            plain(worker.get("service", ""), longest=30),
            plain(", ".join(map(str, worker.get("queues") or [])), longest=80),
            f"{worker.get('held', 0):,}",
            f"{worker.get('seenSecondsAgo', 0):.0f} s ago",
        )
    return view
