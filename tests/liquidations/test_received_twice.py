"""An event that only our clock dates, received by two recorders on the two sides of a full hour."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.liquidations.liquidation_imports import (
    IMPORTED_AT,
    Built,
    at,
    clock_at,
    frame_lines,
    take_in_text,
)
from tests.venues.cases import all_cases

from unwind.settings import Home
from unwind.warehouse.refresh import refresh

BEFORE, AFTER = "2026-06-30T12:59:59.990000Z", "2026-06-30T13:00:00.010000Z"
LISTING = "".join(one.line() for one in all_cases()["bitmex"].context)


def _insert(order_id: str) -> dict[str, Any]:
    order = {"orderID": order_id, "symbol": "XBTUSD", "side": "Sell"}
    row = order | {"price": 60000, "leavesQty": 6000}
    return {"table": "liquidation", "action": "insert", "data": [row]}


def _take_in(home: Home, folder: Path, name: str, received_at: str, *order_ids: str) -> str:
    text = frame_lines(*map(_insert, order_ids), received_at=received_at)
    return take_in_text(home, folder, "bitmex", "frames", name, text)


def _facts(home: Home) -> list[tuple[Any, ...]]:
    rows = Built(home, home.current / "warehouse.duckdb", {}).rows(
        "select hour_at, raw_price, notional_usd::integer as usd from marts.fct_liquidations"
        " order by event_at"
    )
    return [tuple(row.values()) for row in rows]


def _accounting(home: Home) -> list[tuple[Any, ...]]:
    rows = Built(home, home.current / "warehouse.duckdb", {}).rows(
        "select hour_at, sum(staged)::integer as staged, sum(accepted)::integer as accepted,"
        " sum(repeated)::integer as repeated from marts.liquidation_accounting"
        " where staged > 0 group by hour_at order by hour_at"
    )
    return [tuple(row.values()) for row in rows]


AT_12, AT_13 = at("2026-06-30 12:00:00"), at("2026-06-30 13:00:00")
FACT = ("60000", 6000)


def test_it_counts_once_in_the_hour_that_received_it_first(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    take_in_text(home, tmp_path, "bitmex", "rest", "listing.ndjson", LISTING)
    _take_in(home, tmp_path, "ours.ndjson", BEFORE, "order-1")
    _take_in(home, tmp_path, "theirs.ndjson", AFTER, "order-1", "order-2")
    refresh(home, clock=clock_at(IMPORTED_AT))
    assert _facts(home) == [(AT_12, *FACT), (AT_13, *FACT)]
    assert _accounting(home) == [(AT_12, 1, 1, 0), (AT_13, 2, 1, 1)]


def test_it_moves_when_the_earlier_sighting_lands_later(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    take_in_text(home, tmp_path, "bitmex", "rest", "listing.ndjson", LISTING)
    _take_in(home, tmp_path, "theirs.ndjson", AFTER, "order-1")
    refresh(home, clock=clock_at(IMPORTED_AT))
    assert _facts(home) == [(AT_13, *FACT)]
    _take_in(home, tmp_path, "ours.ndjson", BEFORE, "order-1")
    refresh(home, clock=clock_at(IMPORTED_AT + timedelta(minutes=1)))
    assert _facts(home) == [(AT_12, *FACT)]
    assert _accounting(home) == [(AT_12, 1, 1, 0), (AT_13, 1, 0, 1)]


def test_it_stays_in_the_hour_that_received_it_first_when_the_next_one_lands_later(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    take_in_text(home, tmp_path, "bitmex", "rest", "listing.ndjson", LISTING)
    _take_in(home, tmp_path, "ours.ndjson", BEFORE, "order-1")
    refresh(home, clock=clock_at(IMPORTED_AT))
    _take_in(home, tmp_path, "theirs.ndjson", AFTER, "order-1")
    refresh(home, clock=clock_at(IMPORTED_AT + timedelta(minutes=1)))
    assert _facts(home) == [(AT_12, *FACT)]
    assert _accounting(home) == [(AT_12, 1, 1, 0), (AT_13, 1, 0, 1)]
