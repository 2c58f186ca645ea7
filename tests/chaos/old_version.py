"""An earlier version of this software, from the repository's own history, to run beside the present one."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_BACK = 60
"""How many commits the earlier version lies back, where there is no tag."""


def earlier_commit() -> str:
    """The commit of the earlier version: ``CHAOS_OLD_VERSION``, else the last tag, else some commits back; or empty."""
    if given := os.environ.get("CHAOS_OLD_VERSION"):
        return _commit(given)
    tag = _git("describe", "--tags", "--abbrev=0", "HEAD~1")
    return _commit(tag.decode().strip()) if tag else _commit(f"HEAD~{_BACK}")


@cache
def why_no_earlier_version() -> str:
    """Why no earlier version can be run; empty where one can."""
    if shutil.which("git") is None:
        return "needs git, to take an earlier version from"
    return "" if earlier_commit() else f"needs the repository's history: a tag, or {_BACK} commits"


def unpack_earlier_version(into: Path) -> str:
    """Write the earlier version's files into a folder; answer its commit."""
    commit = earlier_commit()
    files = _git("archive", "--format=tar", commit, "services", "libs")
    with tarfile.open(fileobj=BytesIO(files)) as archive:
        archive.extractall(into, filter="data")
    return commit


def environ_of(folder: Path) -> Mapping[str, str]:
    """The variables that let a process run the files of a folder in place of those that are installed.

    ``PYTHONSAFEPATH`` keeps the current folder from going before ``PYTHONPATH``:
    https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH
    """
    return {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}


def _commit(name: str) -> str:
    return _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()


def _git(*words: str) -> bytes:
    """What git answers; empty where it does not."""
    try:
        return subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""
