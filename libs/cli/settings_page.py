"""`python -m libs.cli.settings_page`: write docs/reference/settings.md from the settings object itself."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from libs.common import settings
from libs.common.settings import Secret, Settings

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"

_HEAD: Final = """# Settings

Written by `python -m libs.cli.settings_page` from the settings object, which every process reads once, from its
environment. A missing or wrong setting stops the process at its start, with the setting's name and what it should be.
An empty variable counts as not set. Names that end in `_MS` are milliseconds. What is secret never reaches a log.

| variable | means | default |
| --- | --- | --- |
"""
_ROLE: Final = re.compile(r":\w+:`([^`]+)`")


def settings_page() -> str:
    """The page."""
    words = _words_of_fields()
    rows = [f"| `{name.upper()}` | {words[name]} | {default} |" for name, default in _defaults()]
    return _HEAD + "\n".join(rows) + "\n"


def _defaults() -> Iterator[tuple[str, str]]:
    for field in msgspec.structs.fields(Settings):
        shown = "secret" if isinstance(field.default, Secret) else f"`{field.default}`" if field.default != "" else ""
        yield field.name, shown


def _words_of_fields() -> Mapping[str, str]:
    """What stands below each field; Python itself forgets it."""
    (tree,) = [
        node
        for node in ast.parse(inspect.getsource(settings)).body
        if isinstance(node, ast.ClassDef) and node.name == Settings.__name__
    ]
    words: dict[str, str] = {}
    for field, said in zip(tree.body, tree.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        text = str(said.value.value) if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) else ""
        words[field.target.id] = _ROLE.sub(r"`\1`", " ".join(text.split())).replace("|", "\\|")
    return words


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
