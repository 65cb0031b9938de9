"""What holds for all tests."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes begin first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: "/warehouse/" not in str(item.path))
