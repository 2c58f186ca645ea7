"""Each service's extra brings every package that the service imports: an image holds nothing but that extra."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy.workloads import WORKLOADS
from tests.unit.deploy.rules import ROOT

SERVICES = sorted({workload.service for workload in WORKLOADS})
OURS = ("libs", "services")
TRACING = "opentelemetry"
"""What the extra `tracing` brings."""


def imports_of(service: str) -> set[str]:
    """Every package from outside that is imported by the service or by what it imports of ours."""
    seen: set[Path] = set()
    outside: set[str] = set()
    waiting = list((ROOT / "services" / service).rglob("*.py"))
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in _imported(path):
            top = module.partition(".")[0]
            if top in OURS:
                waiting += _files_of(module)
            elif top not in sys.stdlib_module_names:
                outside.add(top)
    return outside


def distributions_of(service: str) -> set[str]:
    """Every distribution that the service's extra brings, with what those need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"][service]]]
    found: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = _plain(requirement.name)
        if name not in found:
            found.add(name)
            extras = requirement.extras or {""}
            needed = [Requirement(text) for text in requires(name) or []]
            waiting += [
                each
                for each in needed
                if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
            ]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_an_extra_brings_what_its_service_imports(service: str) -> None:
    homes = packages_distributions()
    brought = distributions_of(service)
    missing = {
        package for package in imports_of(service) if not {_plain(home) for home in homes.get(package, [])} & brought
    }
    assert missing - {TRACING} == set(), f"add them to the extra {service!r}"


def test_what_only_an_extra_of_its_own_brings_is_imported_in_one_file_and_where_it_is_asked_for() -> None:
    files = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in files if any(name.startswith(TRACING) for name in _imported(path))] == ["spans.py"]
    start = (ROOT / "libs" / "common" / "tracing" / "start.py").read_text()
    assert "    from libs.common.tracing.spans import" in start


def test_a_missing_package_would_be_found() -> None:
    assert "flask" in imports_of("gateway")
    assert "flask" not in distributions_of("availability")


@cache
def _imported(path: Path) -> frozenset[str]:
    return frozenset(_names(path.read_text()))


def _names(source: str) -> Iterator[str]:
    walk = _executed if "TYPE_CHECKING" in source else ast.walk
    for node in walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only a type checker looks at."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _executed(child)


@cache
def _files_of(module: str) -> list[Path]:
    place = ROOT.joinpath(*module.split("."))
    packages = [parent / "__init__.py" for parent in [place, *place.parents] if parent.is_relative_to(ROOT)]
    return [path for path in [place.with_suffix(".py"), *packages] if path.exists()]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
