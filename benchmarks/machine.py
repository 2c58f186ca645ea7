"""What figures were taken on: the date, the machine, the versions. Without them a figure says nothing."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.processes import NODE_FOLDER
from libs.embedded import binaries

_PACKAGES = ("tuco-jobs", "dramatiq", "flask", "uvicorn", "pymongo", "redis", "pyreqwest", "uvloop")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when.

    Args:
        date: ISO 8601, UTC.
        processor: its model.
        cores: how many the bench could use.
        memory_gb: of the machine.
        versions: of everything that takes part, by name.
    """

    date: str
    processor: str
    cores: int
    memory_gb: int
    versions: dict[str, str]

    @property
    def in_words(self) -> str:
        """One line for a table or a picture."""
        names = ("python", "node", "redis-server", "mongod", "bullmq")
        versions = ", ".join(f"{name} {self.versions[name]}" for name in names if name in self.versions)
        return f"{self.date[:10]}, {self.cores} cores ({self.processor}), {self.memory_gb} GB; {versions}"


def this_machine() -> Machine:
    """The facts, now and here."""
    return Machine(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3),
        versions=_versions(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for program in (binaries.REDIS_SERVER, binaries.MONGOD):
        found[program.name] = _version_of(program)
    for name in _PACKAGES:
        found[name] = metadata.version(name)
    if shutil.which("node"):
        found["node"] = _said(["node", "--version"]).removeprefix("v")
        package: dict[str, Any] = msgspec.json.decode((NODE_FOLDER / "package.json").read_bytes())
        found |= package["dependencies"]
    return found


def _version_of(program: binaries.Program) -> str:
    words = _said([str(binaries.find(program)), "--version"]).replace("v=", "v").split()
    return next((word.removeprefix("v") for word in words if word[:1] == "v" and word[1:2].isdigit()), "unknown")


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
