"""The program's outermost layer: how it ends when a person or a pipe ends it, which is no failure of a command."""

import os
import sys
from typing import Any

import click

from libs.cli.failures import BROKEN_PIPE, INTERRUPTED


class Program(click.Group):
    """A group of commands that ends with the statuses that shells have for this.

    Click itself prints "Aborted!" with status 1, which a script could not tell from a job that failed.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for.

        Raises:
            click.exceptions.Exit: Ctrl-C was pressed, or nobody reads the output any more.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            silence_standard_output()
            raise click.exceptions.Exit(BROKEN_PIPE) from None


def silence_standard_output() -> None:
    """Send what is still to be written nowhere: Python would complain at its end that it cannot be written."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)
