"""The commands in README and docs exist, with the options that are used there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from libs.cli.__main__ import main

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: Path) -> Iterator[str]:
    for block in re.findall(r"```\w*\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.splitlines():
            if match := re.match(r"\s*(?:\.venv/bin/)?tuco-jobs (.*?)(?:\s+#.*|\s+<.*)?$", line):
                yield match[1]


def parse(line: str) -> None:
    """Parse a command line without running it."""
    context, words = click.Context(main), shlex.split(line)
    command: click.Command = main
    while isinstance(command, click.Group) and (words or not command.invoke_without_command):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, info_name=name, parent=context), found
    command.make_context(command.name, words, parent=context.parent)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_the_page_can_be_given(page: Path) -> None:
    for line in commands(page):
        try:
            parse(line)
        except click.UsageError as error:
            pytest.fail(f"tuco-jobs {line}: {error.format_message()}")


def test_the_pages_hold_commands_at_all() -> None:
    assert sum(1 for page in PAGES for _ in commands(page)) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_every_command_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    for name in main.commands:
        assert f"`{name}" in reference
