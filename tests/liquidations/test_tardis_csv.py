"""A vendor's CSV of any venue: sides and units by value, and that it never counts twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from liquidation_imports import Built, at, built, frame_lines, take_in_text

from unwind.settings import Home

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
# 2026-06-30 12:00:00 and, an hour later, 13:00:00, in microseconds.
NOON, LATER = 1782820800000000, 1782824400000000


def rows(exchange: str, *listed: tuple[str, int, str, str, str]) -> str:
    return HEADER + "".join(
        f"{exchange},{symbol},{us},{us + 5000},,{side},{price},{amount}\n"
        for symbol, us, side, price, amount in listed
    )


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder: Path = tmp_path_factory.mktemp("tardis")
    home = Home(folder / "home")
    texts = {
        "binance": rows(
            "binance-futures",
            ("BTCUSDT", NOON, "sell", "60000", "0.5"),
            ("BTCUSDT", NOON, "sell", "60000", "0.5"),
            ("ETHUSDT", NOON, "both", "3000", "1"),
        ),
        "okx": rows("okex-swap", ("BTC-USD-SWAP", NOON, "buy", "60000", "5")),
        "bybit": rows(
            "bybit",
            ("ROSEUSDT", NOON, "sell", "0.045", "20000"),
            ("ROSEUSDT", LATER, "buy", "0.05", "100"),
        ),
    }
    batches = {
        venue: take_in_text(home, folder, venue, "tardis-csv", f"{venue}.csv", text)
        for venue, text in texts.items()
    }
    own = {"T": NOON // 1000, "s": "ROSEUSDT", "S": "Buy", "v": "20000", "p": "0.045"}
    frame = {"topic": "allLiquidation.ROSEUSDT", "type": "snapshot", "ts": 1, "data": [own]}
    received_at = "2026-06-30T12:00:01.000000Z"
    text = frame_lines(frame, received_at=received_at)
    batches["bybit itself"] = take_in_text(home, folder, "bybit", "frames", "own.ndjson", text)
    return built(home, batches)


def test_sell_is_a_long_and_equal_rows_of_a_throttled_venue_are_one_event(
    warehouse: Built,
) -> None:
    fact = warehouse.only_fact("binance")
    assert (
        *(fact["instrument"], fact["liquidated_side"], fact["notional_usd"]),
        *(fact["price_kind"], fact["sightings"]),
    ) == ("BTCUSDT", "long", Decimal(30000), "limit_order", 2)
    assert fact["event_at"] == at("2026-06-30 12:00:00")
    assert fact["received_at"] == at("2026-06-30 12:00:00.005")
    (refused,) = warehouse.quarantined("binance")
    assert refused["reject_reason"] == "unknown_side"


def test_an_inverse_contract_counts_in_contracts(warehouse: Built) -> None:
    fact = warehouse.only_fact("okx")
    assert (fact["liquidated_side"], fact["notional_usd"]) == ("short", Decimal(500))


def test_hours_that_the_venue_itself_tells_of_count_once(warehouse: Built) -> None:
    own = warehouse.only_fact("bybit itself")
    assert (own["liquidated_side"], own["notional_usd"], own["sightings"]) == (
        "long",
        Decimal(900),
        1,
    )
    fact = warehouse.only_fact("bybit")
    assert (fact["event_at"], fact["liquidated_side"]) == (at("2026-06-30 13:00:00"), "short")
    accounting = warehouse.accounting("bybit")
    assert (accounting["staged"], accounting["accepted"], accounting["repeated"]) == (2, 1, 1)


TICKERS = (
    "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
    "predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"
)


def test_tickers_are_open_interest_funding_and_prices(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    text = TICKERS + f"bybit,ETHUSDT,{NOON},{NOON + 9},,0.0001,,200,2999,3001,3000\n"
    text += f"bybit,ETHUSDT,{NOON + 1000},{NOON + 1009},,,,,2999,,3000.5\n"
    batch = take_in_text(home, tmp_path, "bybit", "tardis-csv", "tickers.csv", text)
    told = built(home, {"tickers": batch})
    assert told.accounting("tickers")["staged"] is None
    row = "select instrument, observed_at, {} from landed.stg_tardis__{} order by all"
    noon, after = at("2026-06-30 12:00:00"), at("2026-06-30 12:00:00.001")
    assert told.staged(row.format("oi_base, reject_reason", "open_interest")) == [
        {"instrument": "ETHUSDT", "observed_at": noon, "oi_base": 100.0, "reject_reason": None}
    ]
    assert told.staged(row.format("funding_rate", "funding")) == [
        {"instrument": "ETHUSDT", "observed_at": noon, "funding_rate": 0.0001}
    ]
    assert [
        (one["observed_at"], one["price_kind"], one["close_usd"])
        for one in told.staged(row.format("price_kind, close_usd", "prices"))
    ] == [(noon, "index", 3001.0), (noon, "mark", 3000.0), (after, "mark", 3000.5)]
