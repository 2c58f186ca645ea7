"""Prints the table of fault runs when the tests have ended."""

from typing import Any

import pytest

from tests.chaos.catalogue import NOT_RUN
from tests.chaos.report import table

ROW = "chaos_row"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows: list[Any] = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == ROW
    ]
    if rows:
        terminalreporter.section("what the faults cost")
        for line in table(rows, NOT_RUN if "chaos" in config.option.markexpr else {}):
            terminalreporter.write_line(line)
