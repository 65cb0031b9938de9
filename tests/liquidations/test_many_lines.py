"""Large batches are parsed twice instead of kept: the rows are the same, and so are the facts.

Expected values are worked out by hand. Until 2021-04-27 Binance published every liquidation, so
equal orders in one frame are two; the same frame received again repeats them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from liquidation_imports import (
    Built,
    at,
    built,
    frame_line,
    frame_lines,
    staged_as_few_and_as_many,
    take_in_text,
)

from unwind.settings import Home

EVERY_ORDER_MS = 1590969600000  # 2020-06-01 00:00 UTC
ONE_A_SECOND_MS = 1782820801000  # 2026-06-30 12:00:01 UTC
TABLES = ("stg_binance__liquidations", "stg_aster__liquidations")


def order(symbol: str, quantity: str, at_ms: int) -> dict[str, Any]:
    """A filled order that closes a long at 10,000."""
    return {
        "e": "forceOrder",
        "E": at_ms,
        "o": {
            **{"s": symbol, "S": "SELL", "o": "LIMIT", "f": "IOC", "q": quantity, "p": "10000"},
            **{"ap": "10000", "X": "FILLED", "l": quantity, "z": quantity, "T": at_ms},
        },
    }


def frame_of_three(at_ms: int) -> list[dict[str, Any]]:
    """Two equal orders and a larger one."""
    return [order("BTCUSDT", quantity, at_ms) for quantity in ("0.1", "0.1", "0.2")]


TEXTS = {
    "every order": ("binance", frame_lines(*[frame_of_three(EVERY_ORDER_MS)] * 2)),
    "one a second": (
        "binance",
        frame_lines(frame_of_three(ONE_A_SECOND_MS)) + frame_line("no JSON") + "\n",
    ),
    "aster": ("aster", frame_lines(order("WLDUSDT", "3", ONE_A_SECOND_MS))),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("many_lines")
    home = Home(folder / "home")
    batches = {
        name: take_in_text(home, folder / name, venue, "frames", "frames.ndjson", text)
        for name, (venue, text) in TEXTS.items()
    }
    return built(home, batches)


def quantities(warehouse: Built, imported: str) -> list[tuple[Decimal, int]]:
    """Quantity and number of sightings of each fact."""
    return sorted((fact["quantity_base"], fact["sightings"]) for fact in warehouse.facts(imported))


def test_equal_orders_in_a_frame_are_as_many_events_as_the_venue_publishes(
    warehouse: Built,
) -> None:
    assert quantities(warehouse, "every order") == [
        (Decimal("0.1"), 2),
        (Decimal("0.1"), 2),
        (Decimal("0.2"), 2),
    ]
    # One order per symbol and second: an equal one is a repetition.
    assert quantities(warehouse, "one a second") == [(Decimal("0.1"), 2), (Decimal("0.2"), 1)]
    assert quantities(warehouse, "aster") == [(Decimal("3"), 1)]
    (rejected,) = warehouse.quarantined("one a second")
    assert rejected["reject_reason"] == "unreadable_json"
    (fact,) = warehouse.facts("aster")
    assert fact["event_at"] == at("2026-06-30 12:00:01")


def test_many_lines_give_the_same_rows(warehouse: Built) -> None:
    few, many = staged_as_few_and_as_many(warehouse, TABLES)
    assert [len(rows) for rows in few] == [10, 1]
    assert many == few
