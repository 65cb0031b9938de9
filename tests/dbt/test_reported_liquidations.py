"""Reported sums of liquidations, from documented responses to `reported_liquidations`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.liquidations.liquidation_imports import Built, at, clock_at, take_in_text

from unwind.settings import Home
from unwind.warehouse import refresh, skipped
from unwind.warehouse.dbt import run_dbt

BUILT_AT = datetime(2026, 1, 31, tzinfo=UTC)
RECEIVED_AT, LATER = "2026-01-29T16:30:00.000000Z", "2026-01-30T12:00:00.000000Z"
# 2026-01-29 in epoch seconds: 12:00, 14:00, 15:00 and 16:00.
AT_12, AT_14, AT_15, AT_16 = 1769688000, 1769695200, 1769698800, 1769702400
COINALYZE = "https://api.coinalyze.net/v1"
COINGLASS = "https://open-api-v4.coinglass.com/api/futures/liquidation/aggregated-history"
GATE = "https://api.gateio.ws/api/v4/futures/usdt/contract_stats"
IN_USD = {"interval": "1hour", "convert_to_usd": "true"}


def _line(url: str, body: Any, params: Mapping[str, str], received_at: str = RECEIVED_AT) -> str:
    asked = {"url": url, "params": params, "status": 200}
    line = {"received_at": received_at, "request": asked, "body": json.dumps(body)}
    return json.dumps(line) + "\n"


def _market(symbol: str, listed_as: str, asset: str) -> dict[str, Any]:
    return {
        **{"symbol": symbol, "exchange": symbol[-1], "symbol_on_exchange": listed_as},
        **{"base_asset": asset, "quote_asset": "USDT", "is_perpetual": True},
    }


def _coinalyze(received_at: str, *histories: tuple[str, list[Any]], **params: str) -> str:
    body = [{"symbol": symbol, "history": history} for symbol, history in histories]
    return _line(f"{COINALYZE}/liquidation-history", body, params or IN_USD, received_at)


LISTED = _line(
    f"{COINALYZE}/exchanges",
    [
        *({"name": "Binance", "code": "A"}, {"name": "Gate.io", "code": "Y"}),
        *({"name": "Huobi", "code": "4"}, {"name": "Kraken", "code": "K"}),
        {"name": "Phemex", "code": "7"},
    ],
    {},
) + _line(
    f"{COINALYZE}/future-markets",
    [
        _market("BTCUSDT_PERP.A", "BTCUSDT", "BTC"),
        _market("1000PEPEUSDT_PERP.A", "1000PEPEUSDT", "1000PEPE"),
        _market("BTCUSDT_PERP.Y", "BTC_USDT", "BTC"),
        _market("BTCUSDT_PERP.4", "BTC-USDT", "BTC"),
        _market("BTCUSD_PERP.K", "PF_XBTUSD", "BTC"),
        _market("BTCUSDT_PERP.7", "BTCUSDT", "BTC"),
    ],
    {},
)
SUMS = {
    "coinalyze": LISTED
    + _coinalyze(
        RECEIVED_AT,
        (
            "BTCUSDT_PERP.A",
            [
                {"t": AT_14, "l": 35000000.5, "s": 1200000.25},
                {"t": AT_15, "l": 0, "s": 12},
                # Still running when it was reported.
                {"t": AT_16, "l": 5, "s": 5},
                {"t": AT_12, "l": 1},
                {"t": AT_12, "l": -1, "s": 1},
                {"t": AT_12, "l": "many", "s": 1},
            ],
        ),
        ("1000PEPEUSDT_PERP.A", [{"t": AT_14, "l": 70.5, "s": 0}]),
        ("BTCUSDT_PERP.Y", [{"t": AT_14, "l": 100, "s": 1}]),
        ("BTCUSDT_PERP.4", [{"t": AT_14, "l": 200, "s": 2}]),
        ("BTCUSD_PERP.K", [{"t": AT_14, "l": 300, "s": 3}]),
        ("BTCUSDT_PERP.7", [{"t": AT_14, "l": 400, "s": 4}]),
        ("ETHUSDT_PERP.A", [{"t": AT_14, "l": 7, "s": 7}]),
        ("BTCUSDT_PERP.4", []),
    )
    + _coinalyze(RECEIVED_AT, ("BTCUSDT_PERP.A", [{"t": AT_12, "l": 1, "s": 2}]), interval="1hour"),
    # The same hour, restated a day later.
    "coinalyze later": LISTED
    + _coinalyze(LATER, ("BTCUSDT_PERP.A", [{"t": AT_15, "l": 3, "s": 12.5}])),
    "coinglass": "".join(
        _line(
            COINGLASS,
            {
                **{"code": "0", "msg": "success"},
                "data": [
                    {
                        **{"time": reported_at, "aggregated_long_liquidation_usd": long_usd},
                        "aggregated_short_liquidation_usd": short_usd,
                    }
                ],
            },
            {"exchange_list": exchange, "symbol": "BTC", "interval": interval},
        )
        for exchange, interval, reported_at, long_usd, short_usd in (
            ("OKX", "1h", AT_14 * 1000, "21000000.5", "250000"),
            ("Bitmex", "4h", AT_12, 4611285.1141, 4788636.5),
            ("Binance,OKX", "1h", AT_14 * 1000, "1", "1"),
            ("dYdX", "1w", AT_12 * 1000, "1", "1"),
            # More than the daily volume of all venues.
            ("Bybit", "1h", AT_14 * 1000, "1e15", "1"),
        )
    ),
    "gate": _line(
        GATE,
        [
            {
                **{"time": AT_14, "open_interest": 25, "mark_price": 86000, "lsr_taker": 0.9},
                **{"long_liq_usd": 1250.75, "short_liq_usd": "0"},
            },
            {"time": AT_15, "open_interest": 25, "mark_price": 86000, "lsr_taker": 0.9},
        ],
        {"contract": "BTC_USDT", "interval": "5m"},
    )
    # This contract's name contains no known coin.
    + _line(
        GATE,
        [{"time": AT_14, "long_liq_usd": 5, "short_liq_usd": 6}],
        {"contract": "BTC/USDT", "interval": "5m"},
    ),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder: Path = tmp_path_factory.mktemp("reported")
    home = Home(folder / "home")
    batches = {
        name: take_in_text(home, folder, name.split()[0], "rest", f"{name}.ndjson", text)
        for name, text in SUMS.items()
    }
    refresh.stage(home, clock_at(BUILT_AT))
    refresh.gate_landed(home, clock_at(BUILT_AT))
    marts = ("+reported_liquidations", "+quarantined_observations", "+fct_liquidations")
    there = (refresh.STAGING, skipped.UNCHANGING)
    run_dbt(home, ["run", "--select", *marts, "--exclude", *there])
    return Built(home, home.warehouse_db, batches)


def reported(warehouse: Built, source: str) -> list[tuple[Any, ...]]:
    rows = warehouse.rows(
        "select exchange, venue, instrument, base_asset, observed_at, bar_seconds, long_usd,"
        " short_usd, total_usd from marts.reported_liquidations where source = ?"
        " order by exchange, instrument, observed_at",
        source,
    )
    return [tuple(row.values()) for row in rows]


AT = at("2026-01-29 14:00:00")


def test_coinalyze_names_exchange_contract_and_coin_by_its_own_listing(warehouse: Built) -> None:
    assert reported(warehouse, "coinalyze") == [
        ("Binance", "binance", "1000PEPEUSDT", "PEPE", AT, 3600, 70.5, 0.0, 70.5),
        ("Binance", "binance", "BTCUSDT", "BTC", AT, 3600, 35000000.5, 1200000.25, 36200000.75),
        # The latest report wins.
        ("Binance", "binance", "BTCUSDT", "BTC", at("2026-01-29 15:00:00"), 3600, 3.0, 12.5, 15.5),
        ("Gate.io", "gate", "BTC_USDT", "BTC", AT, 3600, 100.0, 1.0, 101.0),
        ("Huobi", "htx", "BTC-USDT", "BTC", AT, 3600, 200.0, 2.0, 202.0),
        ("Kraken", "kraken_futures", "PF_XBTUSD", "BTC", AT, 3600, 300.0, 3.0, 303.0),
        ("Phemex", None, "BTCUSDT", "BTC", AT, 3600, 400.0, 4.0, 404.0),
    ]


def test_coinglass_sums_a_coin_over_an_exchange_in_the_requested_bars(warehouse: Built) -> None:
    at_12 = at("2026-01-29 12:00:00")
    assert reported(warehouse, "coinglass") == [
        ("Bitmex", "bitmex", "BTC", "BTC", at_12, 14400, 4611285.1141, 4788636.5, 9399921.6141),
        ("OKX", "okx", "BTC", "BTC", AT, 3600, 21000000.5, 250000.0, 21250000.5),
    ]


def test_gate_sums_its_own_liquidations_and_older_statistics_have_none(warehouse: Built) -> None:
    assert reported(warehouse, "gate") == [
        ("Gate", "gate", "BTC_USDT", "BTC", AT, 300, 1250.75, 0.0, 1250.75)
    ]


@pytest.mark.parametrize(
    ("source", "reasons"),
    [
        (
            "coinalyze",
            {
                **{"missing_field": 1, "negative_number": 1, "unreadable_number": 1},
                **{"unfinished_bar": 1, "unlisted_market": 1, "unknown_unit": 1},
            },
        ),
        ("coinglass", {"missing_field": 1, "several_exchanges": 1}),
        ("gate", {"garbled_symbol": 1}),
    ],
)
def test_unusable_rows_are_kept_with_their_reason(
    warehouse: Built, source: str, reasons: dict[str, int]
) -> None:
    rows = warehouse.staged(
        f"select reject_reason, count(*) as rows from landed.stg_{source}__reported_liquidations"
        " where reject_reason is not null group by all"
    )
    assert {row["reject_reason"]: row["rows"] for row in rows} == reasons


def test_sums_beyond_the_traded_volume_are_quarantined(warehouse: Built) -> None:
    assert warehouse.rows(
        "select reject_reason, dataset from marts.quarantined_observations"
        " where raw_values like '%\"1000000000000000.0\"%'"
    ) == [{"reject_reason": "implausible_volume", "dataset": "reported_liquidations"}]


def test_a_sum_leads_back_to_the_line_that_reported_it(warehouse: Built) -> None:
    (row,) = warehouse.rows(
        "select batch_id, raw_line from marts.reported_liquidations where exchange = 'Kraken'"
    )
    assert row == {"batch_id": warehouse.batches["coinalyze"], "raw_line": 3}


def test_no_sum_is_counted(warehouse: Built) -> None:
    assert warehouse.rows("select * from marts.fct_liquidations") == []
