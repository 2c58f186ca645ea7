"""Loads the Lua scripts: one transition per file, the parts that several need in ``scripts/shared``.

A script's header says which keys it and the parts it uses touch (``-- KEYS:``, ``-- USES:``). From that the loader
makes the list of declared keys and a prologue that gives each key its name, so a script cannot touch a key that is
not declared: the name would not exist.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_HEADER = re.compile(r"^-- (KEYS|USES): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script ready to be sent.

    Args:
        name: its file's name.
        source: the whole text that Redis runs.
        sha: the SHA-1 by which Redis knows it.
        keys: the names of the keys that must be declared, in order.
    """

    name: str
    source: str
    sha: str
    keys: tuple[str, ...]


@cache
def script(name: str) -> Script:
    """The script of the file ``scripts/NAME.lua`` with all the parts it uses."""
    parts: list[str] = []
    keys: set[str] = set()

    def include(path: str) -> None:
        text = _read(path)
        header = dict(_HEADER.findall(text))
        keys.update(header.get("KEYS", "").split())
        for part in header.get("USES", "").split():
            if part not in parts:
                include(f"shared/{part}")
                parts.append(part)

    include(name)
    names = tuple(sorted(keys))
    prologue = f"local {', '.join(names)} = unpack(KEYS)\n"
    source = prologue + "\n".join([_read(f"shared/{part}") for part in parts] + [_read(name)])
    return Script(name=name, source=source, sha=hashlib.sha1(source.encode()).hexdigest(), keys=names)  # noqa: S324 - Redis's own choice


@cache
def _read(path: str) -> str:
    return (resources.files("libs.common.broker") / "scripts" / f"{path}.lua").read_text(encoding="utf-8")
