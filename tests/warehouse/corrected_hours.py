"""Two hours of two venues, landed and corrected: modules go on from the releases of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tests import prebuilt
from tests.narrowing import FEW_SUITES, narrowed
from tests.warehouse.hand_made import at, binance, bybit, land, seal
from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse.refresh import refresh


def landed(home: Home, hour: int, quantity: str = "2") -> None:
    land(
        home,
        hour,
        "binance",
        [
            binance("BTCUSDT", "SELL", quantity, "90000", at(hour, 5)),
            binance("BTCUSDT", "SELL", "0.5", "89000", at(hour, 6)),
            binance("BTCUSDT", "BUY", "1", "91000", at(hour, 7)),
            binance("ETHUSDT", "SELL", "1", "3000", at(hour, 8)),
        ],
    )
    land(home, hour, "bybit", [bybit("ETHUSDT", "Buy", "10", "3000", at(hour, 9))])


def sealed_again(home: Home, hour: int, minute: int) -> None:
    """A second revision of an hour, with another quantity."""
    landed(home, hour, quantity="5")
    seal(home, hour, at(hour + 2, minute))


def imported(home: Home, hour: int) -> None:
    path = home.root.parent / f"late-{hour}.ndjson"
    path.write_text(binance("ETHUSDT", "SELL", "3", "3000", at(hour, 20)) + "\n")
    import_files(home, "binance", "frames", [path], lambda: at(hour + 3, 30))


def publish_two_hours(folder: Path, empty_tables: Callable[[], Home]) -> None:
    """A release of 9:00, and one of 10:00 with it."""
    home = Home(folder)
    prebuilt.prepare(empty_tables, home)
    for hour in (9, 10):
        landed(home, hour)
        seal(home, hour)
        published(home, at(hour + 1, 1))


def publish_corrected_hour(folder: Path, two_hours: Home) -> None:
    """A third release, in which 9:00 is another."""
    shutil.copytree(two_hours.root, folder, symlinks=True, dirs_exist_ok=True)
    home = Home(folder)
    sealed_again(home, 9, 10)
    published(home, at(11, 15))


def published(home: Home, refreshed_at: datetime) -> None:
    with narrowed(suites=FEW_SUITES):
        assert refresh(home, clock=lambda: refreshed_at).release_id is not None
