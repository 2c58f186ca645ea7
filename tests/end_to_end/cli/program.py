"""The program `tuco-jobs` as a person or a script runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner

from libs.cli.__main__ import main

OURS = ("BULLMQ_SERVER_URL", "SERVICE_TOKEN", "ADMIN_TOKEN", "REDIS_URL", "MONGODB_URI", "CREDENTIALS_KEY", "PORT")


def clean_environ(**variables: str) -> dict[str, str]:
    """This process's variables without any of ours, and with these."""
    return {**{name: value for name, value in os.environ.items() if name not in OURS}, **variables}


def command(*arguments: str) -> list[str]:
    """The program's command line."""
    return [sys.executable, "-m", "libs.cli", *arguments]


def run(
    *arguments: str, folder: Path, environ: Mapping[str, str] | None = None, stdin: str = "", timeout_s: float = 30
) -> subprocess.CompletedProcess[str]:
    """Run it to its end in ``folder``; a traceback fails the test, whatever else it expects."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=clean_environ(**(environ or {})),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def run_inside(
    *arguments: str, folder: Path, environ: Mapping[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Like :func:`run`, but inside this process, which saves the start of a Python for each of many commands."""
    variables: dict[str, str | None] = {**dict.fromkeys(OURS), **environ}
    with chdir(folder):
        done = CliRunner().invoke(main, arguments, input=stdin, env=variables, prog_name="tuco-jobs")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
