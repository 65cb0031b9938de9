"""Fixtures of the landing tests: a loopback venue, a home, and recorded waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_venue import Loopback, Waits, served

from unwind.settings import Home
from unwind.venues import venues

CONNECTIONS = [
    name
    for venue in venues().values()
    for name, one in venue.connections.items()
    if one.follows is None and not one.default_host.startswith("wss:")
]


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with served() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def all_venues(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """Points every connection to the loopback server, each under its own path."""
    for connection in CONNECTIONS:
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection.upper()}", f"{loopback.url}/{connection}")
    monkeypatch.delenv("UNWIND_TRACKED_INSTRUMENTS", raising=False)
    return loopback
