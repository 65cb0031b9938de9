"""Fixtures of the liquidation tests: the folder of recordings, or a skip without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from liquidation_imports import RECORDINGS


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; tests that need it are skipped if it is missing."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings at {RECORDINGS}; set UNWIND_RECORDINGS to their folder")
    return RECORDINGS
