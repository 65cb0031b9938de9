"""What holds for all tests."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import pytest

# `make test` as a whole, on two cores; .ci/run ends after 20 minutes.
BUDGET_MINUTES = 15


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes begin first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: "/warehouse/" not in str(item.path))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How long each folder's tests took, in seconds of work (two workers share them)."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                file = PurePosixPath(report.nodeid.partition("::")[0])
                seconds[str(file.parent)] += report.duration
    terminalreporter.section(f"seconds of work per folder (budget: {BUDGET_MINUTES} minutes)")
    for folder, spent in seconds.most_common():
        terminalreporter.line(f"{spent:8.1f}  {folder}")
