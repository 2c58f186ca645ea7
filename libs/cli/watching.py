"""Showing something again and again until Ctrl-C: on a terminal in place, in a pipe one after the other."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from libs.cli.failures import Unreachable
from libs.cli.output import Output, plain

T = TypeVar("T")


def watch(
    fetch: Callable[[], T],
    view: Callable[[T], RenderableType],
    output: Output,
    *,
    every_s: float,
    times: int | None = None,
    whole_screen: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ask, show, wait, and begin again; Ctrl-C is how a person leaves it and so no failure.

    A gateway that goes away meanwhile is waited for: what was last known stays, under a line that says so.

    Args:
        fetch: asks once.
        view: the answer for people.
        output: where it is shown; for programs each answer is a line of JSON.
        every_s: seconds between two questions.
        times: how often one asks; without end where it is None.
        whole_screen: whether a terminal is given to it as a whole, and back at the end.
        sleep: waits seconds.

    Raises:
        Unreachable: nobody answered the first question.
    """
    pictures = _pictures(fetch, view, every_s=every_s, times=times, sleep=sleep)
    try:
        if output.as_json:
            for answer, _ in pictures:
                if answer is not None:
                    output.line(answer)
        elif output.out.is_terminal:
            with Live(console=output.out, screen=whole_screen, auto_refresh=False) as live:
                for _, picture in pictures:
                    live.update(picture, refresh=True)
        else:
            for _, picture in pictures:
                output.out.print(picture)
                output.out.print()
    except KeyboardInterrupt:
        return


def _pictures(
    fetch: Callable[[], T],
    view: Callable[[T], RenderableType],
    *,
    every_s: float,
    times: int | None,
    sleep: Callable[[float], None],
) -> Iterator[tuple[T | None, RenderableType]]:
    """Each answer and how it looks; the answer is None where the gateway gave none."""
    last: RenderableType | None = None
    asked = 0
    while times is None or asked < times:
        if asked:
            sleep(every_s)
        asked += 1
        try:
            answer = fetch()
        except Unreachable as error:
            if last is None:
                raise
            yield None, Group(Text(f"{plain(error.message)} Below is what was last known.", style="bold red"), last)
        else:
            last = view(answer)
            yield answer, last
