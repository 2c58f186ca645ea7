"""Following a job to its end by asking for it again and again, with a progress bar."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from libs.cli.failures import Unreachable
from libs.cli.jobs import JobAnswer, counts_in_words, progress_of
from libs.cli.output import plain

_NOT_BEGUN = frozenset({"accepted", "waiting", "prioritized"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one asks, and how long one bears silence.

    Args:
        first_s: seconds between the first questions.
        longest_s: seconds that no pause exceeds; pauses grow while nothing changes.
        patience_s: seconds that the gateway may be away before one gives up.
        idle_s: seconds after which it is worth a word that nobody has begun.
    """

    first_s: float = 0.15
    longest_s: float = 1.0
    patience_s: float = 30.0
    idle_s: float = 10.0


def watch(
    fetch: Callable[[], JobAnswer],
    *,
    pace: Pace = Pace(),
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
    on_silence: Callable[[Unreachable], None] = lambda _error: None,
    on_idle: Callable[[JobAnswer], None] = lambda _job: None,
) -> Iterator[JobAnswer]:
    """The job each time it has changed, the last time when it has ended.

    A gateway that is restarted meanwhile is waited for.

    Args:
        fetch: asks for the job.
        pace: how often, and for how long without an answer.
        sleep: waits seconds.
        now: seconds on a clock that never jumps.
        on_silence: told once each time the gateway stops answering.
        on_idle: told once if nobody begins with the job.

    Raises:
        Unreachable: the gateway stays away.
    """
    last: JobAnswer | None = None
    pause = pace.first_s
    silent_since: float | None = None
    idle_until: float | None = now() + pace.idle_s
    while True:
        try:
            job = fetch()
        except Unreachable as error:
            if last is None:
                raise
            if silent_since is None:
                silent_since = now()
                on_silence(error)
            elif now() - silent_since > pace.patience_s:
                raise
            sleep(pace.longest_s)
            continue
        silent_since = None
        pause = pace.first_s if job != last else min(pace.longest_s, pause * 1.5)
        if job != last:
            last = job
            yield job
        if job.ended:
            return
        if idle_until is not None and (job.state not in _NOT_BEGUN or now() > idle_until):
            if job.state in _NOT_BEGUN:
                on_idle(job)
            idle_until = None
        sleep(pause)


def follow(fetch: Callable[[], JobAnswer], console: Console, *, pace: Pace = Pace()) -> JobAnswer:
    """Show a job's progress until it ends, and return it; on a terminal as a bar, elsewhere as lines.

    Raises:
        Unreachable: the gateway stays away.
    """

    def say_silence(error: Unreachable) -> None:
        console.print(f"{plain(error.message)} Waiting for it ...")

    def say_idle(_job: JobAnswer) -> None:
        console.print(f"Nobody has begun with it for {pace.idle_s:g} s. Is a worker up? tuco-jobs health")

    jobs = watch(fetch, pace=pace, on_silence=say_silence, on_idle=say_idle)
    return _with_bar(jobs, console) if console.is_terminal else _with_lines(jobs, console)


def _with_bar(jobs: Iterator[JobAnswer], console: Console) -> JobAnswer:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[counts]}", style="dim"),
        console=console,
    )
    with bar:
        task = bar.add_task("waiting", total=None, counts="")
        for job in jobs:
            progress = progress_of(job)
            bar.update(
                task,
                description=plain(job.state, longest=20),
                total=progress.total if progress.total or not job.ended else 1,
                completed=progress.done if progress.total or not job.ended else 1,
                counts=counts_in_words(progress.counts),
            )
    return job


def _with_lines(jobs: Iterator[JobAnswer], console: Console, *, apart_s: float = 2.0) -> JobAnswer:
    said_state, said_at = "", 0.0
    for job in jobs:
        progress = progress_of(job)
        if job.state == said_state and not job.ended and time.monotonic() - said_at < apart_s:
            continue
        said_state, said_at = job.state, time.monotonic()
        how_far = f" {progress.done:,}/{progress.total:,}" if progress.total is not None else ""
        counts = counts_in_words(progress.counts)
        console.print(f"{plain(job.state, longest=20)}{how_far}{f' ({counts})' if counts else ''}")
    return job
