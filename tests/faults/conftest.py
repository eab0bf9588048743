"""The fault tests print what they counted; `FAULTS=full` runs their long form."""

from __future__ import annotations

import pytest

from tests.faults.figures import FIGURES, FULL, table

LONG_SECONDS = 1500


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section(f"faults, {'full' if FULL else 'short'} form")
        for line in table():
            terminalreporter.write_line(line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if FULL:
        for item in items:
            if "faults" in item.path.parts:
                item.add_marker(pytest.mark.timeout(LONG_SECONDS))
