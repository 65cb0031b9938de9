"""Homes that several modules go on from: built once in a run, with the suites of JUDGED_BY_FEW."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shared import Fill
from tests.warehouse.corrected_hours import publish_corrected_hour, publish_two_hours
from unwind.settings import Home


# Of a module's scope, so that its narrowing holds for them.
@pytest.fixture(scope="module")
def two_hours(shared_folder: Callable[[str, Fill], Path]) -> Home:
    """Two hours, released one by one. Tests only read it, or copy it."""
    return Home(shared_folder("two_hours", publish_two_hours))


@pytest.fixture(scope="module")
def corrected_hour(shared_folder: Callable[[str, Fill], Path], two_hours: Home) -> Home:
    """The two hours, and a third release in which the first was sealed again. Tests copy it."""
    fill = functools.partial(publish_corrected_hour, two_hours=two_hours)
    return Home(shared_folder("corrected_hour", fill))
