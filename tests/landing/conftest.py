"""What the landing tests share: a loopback venue, a home of their own, and time that they set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_venue import Loopback, Waits, served

from unwind.settings import Home

CONNECTIONS = (
    "binance_um",
    "binance_cm",
    "binance_spot",
    "binance_dumps",
    "bybit",
    "okx",
    "hyperliquid",
    "hyperliquid_nodefills",
    "coingecko",
    "coinpaprika",
)


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
    """Every connection leads to the loopback server, under a path of its own."""
    for connection in CONNECTIONS:
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection.upper()}", f"{loopback.url}/{connection}")
    monkeypatch.delenv("UNWIND_TRACKED_INSTRUMENTS", raising=False)
    return loopback
