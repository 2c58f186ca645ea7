"""Prints the tables of fault runs when the tests have ended, and writes them where ``CHAOS_TABLES`` names a folder."""

import os
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.chaos.catalogue import NOT_RUN
from tests.chaos.report import as_text, report_of, write

ROW: Final = "chaos_row"
"""The property of a test that carries a fault's row."""
LACKS: Final = "chaos_lacks"
"""The property of a test that carries why a fault cannot be run."""
WITHOUT: Final = "chaos_row_without"
"""The property of a test that carries the row of a safeguard removed."""

_began = time.monotonic()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    faults, safeguards = _rows(terminalreporter, ROW), _rows(terminalreporter, WITHOUT)
    if not (faults or safeguards):
        return
    lacking = {each["name"]: each["reason"] for each in _rows(terminalreporter, LACKS)}
    not_run = {**NOT_RUN, **lacking} if "chaos" in config.option.markexpr else {}
    report = report_of(faults, safeguards, not_run, took_s=time.monotonic() - _began)
    terminalreporter.section("what the faults cost")
    for line in as_text(report):
        terminalreporter.write_line(line)
    if folder := os.environ.get("CHAOS_TABLES"):
        write(report, Path(folder))
        terminalreporter.write_line(f"written to {folder}")


def _rows(terminalreporter: pytest.TerminalReporter, name: str) -> list[Any]:
    return [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for each, value in report.user_properties
        if each == name
    ]
