"""`tuco-jobs completion`: what makes a shell complete commands, options, queues and job types."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from libs.cli.app import App, with_app
from libs.cli.failures import CommandFailed

PROGRAM: Final = "tuco-jobs"
VARIABLE: Final = "_TUCO_JOBS_COMPLETE"
"""Set by the shell's script when it asks the program; the name is Click's convention."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@with_app
def completion(app: App, *, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash:  tuco-jobs completion bash >> ~/.bashrc
    zsh:   tuco-jobs completion zsh >> ~/.zshrc
    fish:  tuco-jobs completion fish > ~/.config/fish/completions/tuco-jobs.fish
    """
    script = script_for(shell)
    app.output.answer({"shell": shell, "script": script}, script)


def script_for(shell: str) -> str:
    """The script.

    Raises:
        CommandFailed: Click does not know the shell.
    """
    found = get_completion_class(shell)
    if found is None:
        raise CommandFailed(f"There is no completion for {shell}.")
    # Not through Click's own source(): it runs bash to look at its version, and there may be none.
    complete = found(click.Command(PROGRAM), {}, PROGRAM, VARIABLE)
    return complete.source_template % complete.source_vars()
