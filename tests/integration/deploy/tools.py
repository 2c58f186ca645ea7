"""Programs that a check needs and a machine may lack; a test that needs one says so and is skipped without it."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def needs(program: str, *, package: str = "") -> pytest.MarkDecorator:
    """Skips where a program is missing, and says how to get it."""
    hint = f" (Debian: apt-get install {package})" if package else ""
    return pytest.mark.skipif(path_of(program) is None, reason=f"needs {program}{hint}")


def needs_module(name: str) -> pytest.MarkDecorator:
    """Skips where a module of the extra deploy-checks is missing."""
    missing = importlib.util.find_spec(name.partition(".")[0]) is None or importlib.util.find_spec(name) is None
    return pytest.mark.skipif(missing, reason=f"needs {name} (pip install 'tuco-jobs[deploy-checks]')")


def path_of(program: str) -> str | None:
    """Where a program is: beside this Python, or on the path."""
    return shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)


def run(*command: str, cwd: Path = ROOT, timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
    """Runs a program to its end; what it wrote is in the answer."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False)
