"""Files of ``NAME='value'`` lines, readable by their owner only: what a shell's ``source`` reads, and we do too."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def read_env_file(path: Path) -> dict[str, str]:
    """The variables in a file; empty where there is no such file. Lines that set no variable are skipped."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if separator and name.isidentifier():
            found[name] = "".join(shlex.split(value))
    return found


def write_env_file(path: Path, values: Mapping[str, str], *, comment: str) -> None:
    """Replace a file in one step; nobody but its owner can read it at any moment.

    Args:
        path: the file; its folder must exist.
        values: variables by name; the values must not hold line breaks.
        comment: the first line, without its number sign.
    """
    lines = [f"# {comment}", *(f"{name}={shlex.quote(value)}" for name, value in values.items())]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:  # noqa: PTH123 - a descriptor, so that the file is never readable by others
        file.write("\n".join(lines) + "\n")
    temporary.replace(path)
