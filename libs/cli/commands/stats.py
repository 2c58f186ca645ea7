"""`tuco-jobs stats`: how many jobs are where."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from libs.cli.app import App, with_app
from libs.cli.failures import BadInput
from libs.cli.output import plain, table
from libs.cli.watching import watch
from libs.common.jobs.states import JobState

_EVERY_S = 2.0


@click.command()
@click.option("--watch", "again", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=0.2), metavar="SECONDS", help="How often, with --watch.  [2]")
@click.option("--times", type=click.IntRange(min=1), help="Look so often, then end, with --watch.")
@with_app
def stats(app: App, *, again: bool, every: float | None, times: int | None) -> None:
    """Show how many jobs each queue holds, by state, and how fast it goes.

    With --watch and --json, each look is a line.
    """
    if not again and (every is not None or times is not None):
        raise BadInput("--every and --times are for --watch.")
    with app.gateway() as gateway:
        if again:
            watch(gateway.stats, stats_view, app.output, every_s=every or _EVERY_S, times=times)
            return
        answer = gateway.stats()
    app.output.answer(answer, stats_view(answer))


def stats_view(answer: Mapping[str, Any]) -> RenderableType:
    """The answer of ``GET /stats`` for a person; states that no queue uses have no column."""
    queues = [queue for queue in answer.get("queues") or [] if isinstance(queue, Mapping)]
    counts = [_counts(queue) for queue in queues]
    shown = ("waiting", "active", "delayed", "failed", "completed")
    states = [state.value for state in JobState if state in shown or any(each.get(state) for each in counts)]
    if not queues:
        return Text("The gateway names no queue.")
    more = ("oldest waiting", "in/s", "out/s", "wait p95", "run p95", "workers")
    view = table("queue", *states, *more, numbers=(*states, *more))
    for queue, numbers in zip(queues, counts, strict=True):
        name = plain(queue.get("queue", queue.get("name", "?")), longest=60)
        found = queue.get("rates")
        rates = found if isinstance(found, Mapping) else {}
        view.add_row(
            f"{name} (paused)" if queue.get("paused") else name,
            *(f"{numbers.get(state, 0):,}" for state in states),
            _number(queue.get("oldestWaitingSeconds"), " s"),
            _number(rates.get("addedPerSecond")),
            _number(rates.get("endedPerSecond")),
            _number(rates.get("waitP95Seconds"), " s"),
            _number(rates.get("runP95Seconds"), " s"),
            plain(rates.get("workers", "-"), longest=10),
        )
    return view


def _number(value: object, unit: str = "") -> str:
    return f"{value:,.1f}{unit}" if isinstance(value, int | float) and value else "-"


def _counts(queue: Mapping[str, Any]) -> dict[str, int]:
    counts = queue.get("counts")
    return {name: number for name, number in counts.items() if type(number) is int} if isinstance(counts, dict) else {}
