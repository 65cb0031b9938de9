"""An event that only our clock dates, received by two recorders on the two sides of a full hour.

Three hours, one a case: both sightings land at once, the earlier one later, the later one later.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
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

# The full hour of each case; each has orders of its own.
AT_ONCE, EARLIER_IS_LATE, LATER_IS_LATE = 3, 8, 13
LISTING = "".join(one.line() for one in all_cases()["bitmex"].context)
Lands = Callable[[str, int, list[int]], None]


def full(hour: int) -> datetime:
    return at("2026-06-30") + timedelta(hours=hour)


def _ours(lands: Lands, hour: int) -> None:
    """Our recorder receives the hour's first order just before the full hour."""
    lands(f"2026-06-30T{hour - 1:02d}:59:59.990000Z", hour, [1])


def _theirs(lands: Lands, hour: int, orders: list[int]) -> None:
    """Another recorder receives it just after it."""
    lands(f"2026-06-30T{hour:02d}:00:00.010000Z", hour, orders)


def _insert(order_id: str) -> dict[str, Any]:
    order = {"orderID": order_id, "symbol": "XBTUSD", "side": "Sell"}
    row = order | {"price": 60000, "leavesQty": 6000}
    return {"table": "liquidation", "action": "insert", "data": [row]}


Rows = dict[str, list[tuple[Any, ...]]]


def _rows(home: Home) -> Rows:
    """The facts, and what became of the staged rows by hour."""
    built = Built(home, home.current / "warehouse.duckdb", {})
    facts = built.rows(
        "select hour_at, raw_price, notional_usd::integer as usd from marts.fct_liquidations"
        " order by event_at"
    )
    accounting = built.rows(
        "select hour_at, sum(staged)::integer as staged, sum(accepted)::integer as accepted,"
        " sum(repeated)::integer as repeated from marts.liquidation_accounting"
        " where staged > 0 group by hour_at order by hour_at"
    )
    return {
        "facts": [tuple(row.values()) for row in facts],
        "accounting": [tuple(row.values()) for row in accounting],
    }


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Rows]:
    """What is published before and after the late sightings."""
    folder = tmp_path_factory.mktemp("twice")
    home = Home(folder / "home")

    def lands(received_at: str, hour: int, orders: list[int]) -> None:
        frames = [_insert(f"order-{hour}-{order}") for order in orders]
        text = frame_lines(*frames, received_at=received_at)
        take_in_text(home, folder, "bitmex", "frames", f"{received_at}.ndjson", text)

    take_in_text(home, folder, "bitmex", "rest", "listing.ndjson", LISTING)
    _ours(lands, AT_ONCE)
    _theirs(lands, AT_ONCE, [1, 2])
    _theirs(lands, EARLIER_IS_LATE, [1])
    _ours(lands, LATER_IS_LATE)
    refresh(home, clock=clock_at(IMPORTED_AT))
    before = _rows(home)
    _ours(lands, EARLIER_IS_LATE)
    _theirs(lands, LATER_IS_LATE, [1])
    refresh(home, clock=clock_at(IMPORTED_AT + timedelta(minutes=1)))
    return before, _rows(home)


def _around(rows: Rows, name: str, hour: int) -> list[tuple[Any, ...]]:
    """The rows of the hours before and after a full hour."""
    return [row for row in rows[name] if row[0] in (full(hour - 1), full(hour))]


FACT = ("60000", 6000)


@pytest.mark.parametrize("place", [0, 1], ids=["before", "after"])
def test_it_counts_once_in_the_hour_that_received_it_first(
    refreshed: tuple[Rows, Rows], place: int
) -> None:
    rows, first, second = refreshed[place], full(AT_ONCE - 1), full(AT_ONCE)
    assert _around(rows, "facts", AT_ONCE) == [(first, *FACT), (second, *FACT)]
    assert _around(rows, "accounting", AT_ONCE) == [(first, 1, 1, 0), (second, 2, 1, 1)]


def test_it_moves_when_the_earlier_sighting_lands_later(refreshed: tuple[Rows, Rows]) -> None:
    before, after = refreshed
    first, second = full(EARLIER_IS_LATE - 1), full(EARLIER_IS_LATE)
    assert _around(before, "facts", EARLIER_IS_LATE) == [(second, *FACT)]
    assert _around(after, "facts", EARLIER_IS_LATE) == [(first, *FACT)]
    assert _around(after, "accounting", EARLIER_IS_LATE) == [(first, 1, 1, 0), (second, 1, 0, 1)]


def test_it_stays_in_the_hour_that_received_it_first_when_the_next_one_lands_later(
    refreshed: tuple[Rows, Rows],
) -> None:
    before, after = refreshed
    first, second = full(LATER_IS_LATE - 1), full(LATER_IS_LATE)
    assert _around(before, "facts", LATER_IS_LATE) == [(first, *FACT)]
    assert _around(after, "facts", LATER_IS_LATE) == [(first, *FACT)]
    assert _around(after, "accounting", LATER_IS_LATE) == [(first, 1, 1, 0), (second, 1, 0, 1)]
    assert len(after["facts"]) == 4
