"""Why a command ends early, as a person reads it: what is wrong, what to do next, and the exit status for scripts."""

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

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the problem and the hint to standard error."""
        out = file or sys.stderr
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
