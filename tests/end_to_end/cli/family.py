"""Finding every process that a test has started, however deep, by a mark in the environment that children inherit."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

_VARIABLE = "TUCO_TEST_FAMILY"


@dataclass(frozen=True, slots=True)
class Family:
    """The processes that were started with a mark of their own."""

    mark: str

    @property
    def environ(self) -> dict[str, str]:
        """What the first of them must have in its environment."""
        return {_VARIABLE: self.mark}

    def members(self, *words: str) -> dict[int, str]:
        """The living processes whose command line has all these words, by process id, with that line."""
        found: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                if f"{_VARIABLE}={self.mark}".encode() not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if all(word in line for word in words):
                    found[int(entry.name)] = line
        return found


def new_family() -> Family:
    """A mark that no process has yet."""
    return Family(uuid4().hex)
