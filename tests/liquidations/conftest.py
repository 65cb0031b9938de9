"""What the liquidation tests share: where the recordings are, and a word when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from liquidation_imports import RECORDINGS


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; tests that need it are skipped where it is absent."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings at {RECORDINGS}; set UNWIND_RECORDINGS to their folder")
    return RECORDINGS
