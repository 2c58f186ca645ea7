"""`tuco-jobs demo`: the main job on made-up leads, a campaign of messages, three CRMs; broken and judged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from libs.cli.app import App, with_app
from libs.cli.demo.audit import Check
from libs.cli.demo.campaign import CampaignScale, demonstrate_campaign
from libs.cli.demo.campaign_view import campaign_data, campaign_view
from libs.cli.demo.checks import checks_data, checks_view
from libs.cli.demo.installation import Stage
from libs.cli.demo.run import Outcome, Scale, demonstrate
from libs.cli.demo.syncs import demonstrate_syncs
from libs.cli.demo.syncs_view import syncs_data, syncs_view
from libs.cli.failures import INTERRUPTED, CommandFailed
from libs.cli.jobs import JobAnswer, counts_in_words, progress_of
from libs.cli.log_printer import LogPrinter
from libs.cli.output import Output, plain, table
from libs.cli.simulators import SimulatorFailedError
from libs.cli.supervisor import Ended, Event, ProcessNotStartedError, RestartPause, Supervisor, ending_in_words

_RESTART = RestartPause(first_s=1.0)

T = TypeVar("T")


@click.command()
@click.option("--leads", type=click.IntRange(500, 100_000), default=2_000, show_default=True, help="How many leads.")
@click.option("--messages", type=click.IntRange(100, 10_000), default=500, show_default=True, help="How many messages.")
@click.option("--only", type=click.Choice(["leads", "messages", "syncs"]), help="Only this part.")
@with_app
def demo(app: App, *, leads: int, messages: int, only: str | None) -> None:
    """Check thousands of leads, send a campaign, sync three CRMs; break things meanwhile, and show that all adds up.

    While the leads are checked, a worker is killed. While the messages go out, a line goes down, and a worker and Redis
    are killed. The CRMs have people in common, and each person becomes one lead. Everything runs on this machine, in
    servers and folders of its own that are gone afterwards, whatever REDIS_URL and MONGODB_URI say. Exit status 0 only
    if every lead has exactly one right answer, nobody was asked twice but for the chunks in the killed worker's hands,
    every message went out exactly once, and every row of the CRMs is accounted for.
    """
    data: dict[str, object] = {}
    views: list[RenderableType] = []
    checks: list[Check] = []
    if only in (None, "leads"):
        outcome = _run(app, lambda supervisor, stage: demonstrate(Scale(leads=leads), supervisor, stage))
        data |= _as_data(outcome)
        views.append(_view(outcome))
        checks += outcome.checks
    if only in (None, "messages"):
        scale = CampaignScale(messages=messages, patience_s=180.0 + messages / 4)
        campaign = _run(app, lambda supervisor, stage: demonstrate_campaign(scale, supervisor, stage))
        data["campaign"] = campaign_data(campaign)
        views.append(campaign_view(campaign))
        checks += campaign.checks
    if only in (None, "syncs"):
        syncs = _run(app, demonstrate_syncs)
        data["syncs"] = syncs_data(syncs)
        views.append(syncs_view(syncs))
        checks += syncs.checks
    app.output.answer(data, Group(*views))
    wrong = [check for check in checks if not check.holds]
    if wrong:
        raise CommandFailed(
            "The numbers do not add up: "
            + "; ".join(f"{check.claim} should be {check.expected:,}, is {check.found:,}" for check in wrong)
            + "."
        )


def _run(app: App, act: Callable[[Supervisor, Stage], T]) -> T:
    """One act, with everything that it has started ended afterwards."""
    with _stage(app.output) as stage:
        supervisor = Supervisor(on_line=stage.line, on_event=stage.event, pause=_RESTART)
        try:
            return act(supervisor, stage)
        except (ProcessNotStartedError, SimulatorFailedError) as error:
            raise CommandFailed(str(error)) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        finally:
            supervisor.stop()


class _TerminalStage(Stage):
    """Tells on a console, above a progress bar."""

    def __init__(self, console: Console, bar: Progress, *, verbose: bool) -> None:
        self._console = console
        self._bar = bar
        self._task: TaskID | None = None
        self._printer = LogPrinter(console) if verbose else None

    def say(self, text: str) -> None:
        """Print what has happened."""
        self._console.print(Text.assemble(("▸ ", "bold cyan"), plain(text)))

    def progress(self, job: JobAnswer) -> None:
        """Move the bar."""
        progress = progress_of(job)
        if self._task is None:
            self._task = self._bar.add_task("", total=None, counts="")
        self._bar.update(
            self._task,
            total=progress.total,
            completed=progress.done,
            description=plain(job.state, longest=20),
            counts=counts_in_words(progress.counts),
        )

    def line(self, name: str, line: str) -> None:
        """Print what a process says, if one wants to see it."""
        if self._printer:
            self._printer.line(name, line)

    def event(self, event: Event) -> None:
        """Tell of processes that have ended or come back; what was asked for is no news."""
        if isinstance(event, Ended) and not event.asked:
            again = f"; it is started again in {event.restart_in_s:g} s" if event.restart_in_s is not None else ""
            self.say(f"{event.name} has ended {ending_in_words(event.status)}{again}")
        elif not isinstance(event, Ended) and event.restarts:
            self.say(f"{event.name} runs again (process {event.pid})")


@contextmanager
def _stage(output: Output) -> Iterator[_TerminalStage]:
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}", style="dim"),
    )
    with Progress(*columns, console=output.err) as bar:
        yield _TerminalStage(bar.console, bar, verbose=output.verbose)


def _view(outcome: Outcome) -> RenderableType:
    total = outcome.outcomes.total()
    leads = table("outcome", "leads", "share", numbers=("leads", "share"))
    for name, number in outcome.outcomes.most_common():
        leads.add_row(name, f"{number:,}", f"{100 * number / total:.1f} %")
    leads.add_row("all", f"{total:,}", "", style="bold")
    figures = Table.grid(padding=(0, 2, 0, 0))
    for side in ("left", "right", "left"):
        figures.add_column(justify=side)
    in_hand = f"what the killed worker had asked of the {outcome.crash.leads} leads in hand, and could not store"
    for name, value, note in (
        (
            "seconds",
            f"{outcome.seconds:.1f}",
            f"{outcome.recovered_s:.1f} of them until the dead worker's chunks went on",
        ),
        ("leads per second", f"{total / outcome.seconds:,.0f}", ""),
        ("distinct handles", f"{outcome.distinct:,}", ""),
        ("provider calls", f"{outcome.calls:,}", "by the provider's own count"),
        ("asked again", f"{outcome.repeats:,}", in_hand),
        ("other repeats", f"{outcome.other_repeats:,}", ""),
    ):
        figures.add_row(name, value, note)
    checks = checks_view(outcome.checks, verdict="The numbers add up.")
    return Group("", leads, "", figures, "", checks)


def _as_data(outcome: Outcome) -> dict[str, object]:
    return {
        "outcomes": dict(outcome.outcomes),
        "seconds": round(outcome.seconds, 3),
        "providerCalls": outcome.calls,
        "distinctHandles": outcome.distinct,
        "repeatsOfChunksInHand": outcome.repeats,
        "otherRepeats": outcome.other_repeats,
        "recoveredSeconds": round(outcome.recovered_s, 3),
        "killed": {
            "process": outcome.crash.process,
            "chunksInHand": len(outcome.crash.chunks),
            "leadsInHand": outcome.crash.leads,
            "handlesAsked": outcome.crash.asked,
        },
        **checks_data(outcome.checks),
    }
