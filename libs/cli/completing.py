"""What a shell offers where a command wants the name of a queue or of a job type. Nothing is contacted."""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from libs.common.jobs.registry import contracts, queues


def complete_queue(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The queues."""
    return _beginning_with(begun, queues())


def complete_job_type(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The job types."""
    return _beginning_with(begun, contracts())


def _beginning_with(begun: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(begun)]
