"""How observations are named by listings, screened and accounted for, from raw bytes to marts.

Values are what venues' public answers said, or made up in their shape; expected figures are worked
out by hand.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

IMPORTED_AT = datetime(2026, 7, 1, tzinfo=UTC)
LIGHTER = "https://mainnet.zklighter.elliot.ai/api/v1"


def clock() -> datetime:
    return IMPORTED_AT


def answer(url: str, body: Any, received_at: str, **params: str) -> str:
    """One answer of a venue as the connector writes it."""
    request = {"url": url, "params": params, "status": 200}
    return json.dumps(
        {"received_at": received_at, "request": request, "body": json.dumps(body)}
    )


def take_in(home: Home, venue: str, *lines: str) -> None:
    """Imports answers of a venue as one batch."""
    file = home.root / f"{venue}-{abs(hash(lines))}.ndjson"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))
    assert import_files(home, venue, "rest", [file], clock).seal is not None


def published(home: Home) -> duckdb.DuckDBPyConnection:
    """Refreshes, gates and all; a connection to the release."""
    refresh(home, clock=clock)
    return duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True)


def lighter_market(symbol: str, market_id: int, price: float, open_interest: float) -> dict:
    return {
        **{"symbol": symbol, "market_id": market_id, "market_type": "perp", "status": "active"},
        **{"last_trade_price": price, "open_interest": open_interest},
    }


def lighter_markets(received_at: str, *markets: dict) -> str:
    body = {"code": 200, "order_book_details": list(markets)}
    return answer(f"{LIGHTER}/orderBookDetails", body, received_at)


def lighter_funding(received_at: str, market_id: str) -> str:
    rate = {"timestamp": 1776693600, "value": "0.9", "rate": "0.0012", "direction": "short"}
    body = {"code": 200, "resolution": "1h", "fundings": [rate]}
    return answer(f"{LIGHTER}/fundings", body, received_at, market_id=market_id, resolution="1h")


AT_14_07 = "2026-04-20T14:07:24.429000Z"


class TestLighter:
    """Its markets are numbers: only the listing says what they are."""

    @pytest.fixture(scope="class")
    def release(self, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
        home = Home(tmp_path_factory.mktemp("lighter"))
        take_in(
            home,
            "lighter",
            lighter_markets(
                AT_14_07,
                lighter_market("BTC", 1, 75232.0, 827.3),
                lighter_market("ETH", 0, 2308.57, 15205.1),
            ),
            lighter_funding("2026-04-20T14:07:25.429000Z", "1"),
            # No listing knows market 77.
            lighter_funding("2026-04-20T14:07:26.429000Z", "77"),
        )
        return published(home)

    def test_open_interest_is_filed_under_the_asset_that_the_listing_names(self, release) -> None:
        # 827.3 x 75,232 and 15,205.1 x 2,308.57, one-sided.
        assert release.execute(
            "select instrument, base_asset, oi_base, round(oi_usd, 2)"
            " from marts.fct_open_interest order by all"
        ).fetchall() == [
            ("0", "ETH", 15205.1, 35102037.71),
            ("1", "BTC", 827.3, 62239433.6),
        ]

    def test_prices_and_funding_are_filed_under_it_too(self, release) -> None:
        assert release.execute(
            "select instrument, base_asset, close_usd from marts.fct_prices order by all"
        ).fetchall() == [("0", "ETH", 2308.57), ("1", "BTC", 75232.0)]
        assert release.execute(
            "select instrument, base_asset, funding_rate, interval_hours from marts.fct_funding"
        ).fetchall() == [("1", "BTC", -0.000012, 1.0)]

    def test_numbers_are_no_assets_anywhere(self, release) -> None:
        tables = release.execute(
            "select table_name from information_schema.columns"
            " where table_schema = 'marts' and column_name = 'base_asset'"
        ).fetchall()
        assert len(tables) > 10
        for (table,) in tables:
            assert release.execute(
                f"select count(*) from marts.{table} where base_asset in ('0', '1', '77')"
            ).fetchone() == (0,), table

    def test_a_market_without_a_listing_is_quarantined(self, release) -> None:
        assert release.execute(
            "select dataset, instrument, reject_reason from marts.quarantined_observations"
        ).fetchall() == [("funding", "77", "no_listing")]
