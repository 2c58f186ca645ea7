"""Commands on the pages of the docs: blocks below ``<!-- run -->`` are run as they stand there."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = ROOT / "docs"

_BLOCK: Final = re.compile(r"^<!-- run(?:: (?P<status>\d+))? -->\n```\w*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_SHELL: Final = frozenset("|<>;&$`*\\")


@dataclass(frozen=True, slots=True)
class Block:
    """Commands that a page tells its reader to give.

    Args:
        page: the page, as a path below ``docs``.
        text: the commands, a line each.
        status: how the last one ends.
    """

    page: str
    text: str
    status: int = 0

    def commands(self) -> list[list[str]] | None:
        """The arguments of each `tuco-jobs` on it; None where a shell is needed."""
        lines = self.text.strip().splitlines()
        if all(line.startswith("tuco-jobs ") and not _SHELL & set(_without_quoted(line)) for line in lines):
            return [shlex.split(line)[1:] for line in lines]
        return None


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page that can be run, in their order."""
    for found in _BLOCK.finditer(page.read_text()):
        yield Block(str(page.relative_to(DOCS)), found["text"], int(found["status"] or 0))


def _without_quoted(line: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"", "", line)
