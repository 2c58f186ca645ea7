"""Why a command ends early: what is wrong, what to do next, and the exit status for scripts."""

import json
import sys
from typing import IO, Any, ClassVar

import click


class Failure(click.ClickException):
    """A command that ends early.

    Args:
        problem: what is wrong, in one sentence.
        hint: what to do next; empty where the problem says it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint
        self.as_json = False
        """Whether a program reads it."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the problem and the hint to standard error: as words, or as one line of JSON."""
        out = file or sys.stderr
        if self.as_json:
            told = {"error": self.message, "hint": self.hint, "exitStatus": self.exit_code}
            click.echo(json.dumps(told), file=out)
            return
        click.echo(click.style("error: ", fg="red", bold=True) + self.message, file=out)
        if self.hint:
            click.echo(f"       {self.hint}", file=out)


class CommandFailed(Failure):
    """What was asked for ran, and failed."""

    exit_code = 1


class BadInput(Failure):
    """The command cannot be carried out as given: its arguments, its input or its settings are wrong."""

    exit_code = 2


class Unreachable(Failure):
    """A server that the command needs does not answer, or cannot serve now."""

    exit_code = 3


INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it: 128 and the number of SIGINT."""

BROKEN_PIPE = 141
"""The exit status when nobody reads on (``tuco-jobs jobs ... | head``), as shells have it: 128 and SIGPIPE's number."""
