"""The output of many processes on one terminal: each line behind its process's name, in its process's colour."""

import threading
from itertools import count

from rich.console import Console
from rich.text import Text

from libs.cli.output import plain
from libs.cli.supervisor import Ended, Event, ending_in_words

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")
_OWN_NAME = "dev"


class LogPrinter:
    """Prints what processes say and what becomes of them. May be called from any thread.

    Args:
        console: where to.
        width: how wide the names' column is.
    """

    def __init__(self, console: Console, *, width: int = 16) -> None:
        self._console = console
        self._width = width
        self._lock = threading.Lock()
        self._colours = (_COLOURS[number % len(_COLOURS)] for number in count())
        self._colour_of = {_OWN_NAME: "bold white"}

    def line(self, name: str, line: str) -> None:
        """Print a line that a process has printed."""
        with self._lock:
            if name not in self._colour_of:
                self._colour_of[name] = next(self._colours)
            prefix = (f"{name:<{self._width}}│ ", self._colour_of[name])
            self._console.print(Text.assemble(prefix, plain(line, longest=20_000)))

    def say(self, text: str) -> None:
        """Print a line of our own."""
        self.line(_OWN_NAME, text)

    def event(self, event: Event) -> None:
        """Say that a process has been started again, or has ended though nobody asked it to."""
        if not isinstance(event, Ended):
            if event.restarts:
                self.say(f"{event.name} runs again (process {event.pid})")
            return
        if event.asked:
            return
        after = "" if event.restart_in_s is None else f"; it is started again in {event.restart_in_s:g} s"
        self.say(f"{event.name} has ended {ending_in_words(event.status)}{after}")
