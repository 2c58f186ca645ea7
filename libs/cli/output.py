"""What commands print: for people tables and sentences, with ``--json`` one JSON document on standard output."""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table

from libs.cli.failures import BROKEN_PIPE
from libs.cli.program import silence_standard_output

_PIPE_WIDTH = 1_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Output:
    """Where a command's words go.

    Args:
        as_json: print data for programs instead of words for people.
        verbose: also say which settings are used.
    """

    def __init__(self, *, as_json: bool = False, verbose: bool = False) -> None:
        self.as_json = as_json
        self.verbose = verbose
        self.out = _console(sys.stdout)
        """For people, on standard output."""
        self.err = _console(sys.stderr)
        """For people, on standard error: notes and progress, which are not the answer."""

    def answer(self, data: object, view: RenderableType) -> None:
        """Print a command's answer: ``data`` for programs, ``view`` for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(msgspec.to_builtins(data), indent=2) + "\n")
            sys.stdout.flush()
        else:
            self.out.print(view)

    def line(self, data: object) -> None:
        """Print one of many answers for programs, on a line of its own."""
        sys.stdout.write(json.dumps(msgspec.to_builtins(data)) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Say something that is not the answer."""
        self.err.print(plain(text))

    def detail(self, text: str) -> None:
        """Say something that is only of interest when one asks for it."""
        if self.verbose:
            self.err.print(plain(text), style="dim")


class _Console(Console):
    """A console that ends the program with the status of a broken pipe where nobody reads on."""

    def on_broken_pipe(self) -> None:
        """Called by rich when it cannot write."""
        silence_standard_output()
        raise SystemExit(BROKEN_PIPE)


def _console(file: TextIO) -> Console:
    """A console that takes texts as they are. Into a file or a pipe it writes a row per line, however long."""
    console = _Console(soft_wrap=True, highlight=False, markup=False, emoji=False, file=file)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def plain(value: object, *, longest: int = 2_000) -> str:
    """A text from elsewhere, made harmless for a terminal: without control characters, and shortened.

    A provider's error text or a lead's name could otherwise move the cursor, recolour the screen or hide a line.
    """
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def table(*columns: str, title: str | None = None, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table.

    Args:
        columns: headings.
        title: above the table.
        numbers: the headings of columns that are aligned to the right.
    """
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def facts(values: Mapping[str, Any]) -> Table:
    """Names and values, one pair a line; values that are None are left out."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in values.items():
        if value is not None:
            made.add_row(name, plain(value))
    return made
