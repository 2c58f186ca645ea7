"""Loads the Lua scripts: one transition per file, the parts that several need in ``scripts/shared``.

A script's header says which keys it and the parts it uses touch (``-- KEYS:``, ``-- USES:``). From that the loader
makes the list of declared keys and a prologue that gives each key its name, so a script cannot touch a key that is
not declared: the name would not exist.

Three more lines of a header matter:

- ``-- FIRST: part``: the part comes before all others, which need not be defined where it already answers.
- ``-- ONCE: reason``: the script must not be sent a second time when its answer is lost. Every other script may: the
  second time it changes nothing.
- ``-- WHEN FULL: runs`` or ``refused``: what the script does once ``maxmemory`` is reached. Redis refuses a script
  whose first write could take memory, and no other; so the loader puts in front a write that changes nothing and is of
  the one kind or the other. (Redis 6.2 to 8 and Valkey alike, see ``deny-oom`` at
  https://redis.io/docs/latest/commands/command/ and ``scriptVerifyOOM`` in Redis's ``script.c``. The flags of Redis 7's
  ``#!lua`` line would say the same, but 6.2 does not know them.)
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_HEADER = re.compile(r"^-- (KEYS|USES|FIRST|ONCE|WHEN FULL): (.+)$", re.MULTILINE)
_FIRST_WRITE = {
    "": "",
    "runs": "redis.call('PERSIST', {key})\n",
    "refused": "redis.call('HSETNX', meta, 'added', 0)\n",
}


@dataclass(frozen=True, slots=True)
class Script:
    """A script ready to be sent.

    Args:
        name: its file's name.
        source: the whole text that Redis runs.
        sha: the SHA-1 by which Redis knows it.
        keys: the names of the keys that must be declared, in order.
        once: whether it must not be sent a second time when its answer is lost.
    """

    name: str
    source: str
    sha: str
    keys: tuple[str, ...]
    once: bool = False


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

    own_header = dict(_HEADER.findall(_read(name)))
    if first := own_header.get("FIRST"):
        include(f"shared/{first}")
        parts.append(first)
    include(name)
    names = tuple(sorted(keys))
    first_write = _FIRST_WRITE[own_header.get("WHEN FULL", "")].format(key=names[0])
    prologue = f"local {', '.join(names)} = unpack(KEYS)\n{first_write}"
    source = prologue + "\n".join([_read(f"shared/{part}") for part in parts] + [_read(name)])
    sha = hashlib.sha1(source.encode()).hexdigest()  # noqa: S324 - Redis's own choice
    return Script(name=name, source=source, sha=sha, keys=names, once="ONCE" in own_header)


@cache
def _read(path: str) -> str:
    return (resources.files("libs.common.broker") / "scripts" / f"{path}.lua").read_text(encoding="utf-8")
