"""CSV files with the user's own columns: what each format accepts, and why rows are rejected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.dbt.own_csv_imports import build_own_csv
from tests.liquidations.liquidation_imports import Built, at, clock_at

from unwind.landing.csv_reading import ReadOptions
from unwind.landing.imports import ImportRefusedError, import_files
from unwind.landing.ledger import Ledger
from unwind.settings import Home

IMPORTED_AT = datetime(2026, 7, 1, tzinfo=UTC)
BAR = {"bar": "1h", "price_kind": "last", "volume_unit": "base"}
OI = {"unit": "usd", "sides": "one"}

# Name: venue, format, text, settings, columns, renames.
FILES: dict[str, tuple[str, str, str, dict[str, str], dict[str, str], dict[str, str]]] = {
    # 2026-01-29 14:00 UTC and 15:00 in several notations, and an invalid time.
    "times": (
        *("bybit", "bars-csv"),
        "symbol;open_time;open;high;low;close;volume\n"
        "BTCUSDT;1769695200;4;6;3;5;10\n"
        "BTCUSDT;1769698800000;5;7;4;6;11\n"
        "ETHUSDT;1769695200000000;4;6;3;5;12\n"
        "ETHUSDT;2026-01-29T16:00:00+01:00;5;7;4;6;13\n"
        "SOLUSDT;yesterday;5;7;4;6;13\n"
        "SOLUSDT;2026-01-29T14:00:00Z;5,5;7;4;6;13\n"
        "SOLUSDT;2026-01-29T14:00:00Z;5;3;4;6;13\n"
        "SOLUSDT;2026-01-29T14:00:00Z;5;7\n"
        "solusdt;2026-01-29T14:00:00Z;5;7;4;6;13\n"
        "SOLUSDT;2026-06-30T23:30:00Z;5;7;4;6;13\n",
        *(BAR, {}, {}),
    ),
    # Berlin time: 02:00-03:00 occurs twice on 2025-10-26, and never on 2026-03-29.
    "berlin": (
        *("okx", "oi-csv"),
        "coin,time,oi\n"
        "BTC,2025-10-26 01:00,1\nBTC,2025-10-26 02:00,2\nBTC,2025-10-26 02:00,3\n"
        "BTC,2025-10-26 03:00,4\nBTC,2026-03-29 01:00,5\nBTC,2026-03-29 02:30,6\n"
        "BTC,2026-03-29 03:00,7\nETH,2025-10-26 02:30,8\n",
        {**OI, "zone": "Europe/Berlin", "instrument": "{coin}-USDT-SWAP"},
        *({"open_interest": "oi"}, {}),
    ),
    "newest first": (
        *("okx", "oi-csv"),
        "coin,time,oi\n"
        "SOL,2025-10-26 03:00,4\nSOL,2025-10-26 02:00,3\nSOL,2025-10-26 02:00,2\n"
        "SOL,2025-10-26 01:00,1\n",
        {**OI, "zone": "Europe/Berlin", "instrument": "{coin}-USDT-SWAP"},
        *({}, {}),
    ),
    "two sides": (
        *("bybit", "oi-csv"),
        "instrument,time,open_interest,unit,sides\n"
        "BTCUSDT,2026-01-29T14:00:00Z,300,base,two\n"
        "ETHUSDT,2026-01-29T14:00:00Z,50,usd,one\n"
        "BTCUSD,2026-01-29T14:00:00Z,70,contracts,one\n"
        "ETHUSDT,2026-01-29T15:00:00Z,50,pounds,one\n"
        "ETHUSDT,2026-01-29T16:00:00Z,50,usd,\n"
        "ETHUSDT,2026-01-29T17:00:00Z,-1,usd,one\n",
        *({}, {}, {}),
    ),
    "several venues": (
        *("kraken_futures", "funding-csv"),
        "timestamp,venue,coin,funding_rate\n"
        "2026-01-29 14:00:00+00,kraken,BTC,0.0012\n"
        "2026-01-29 14:00:00+00,bybit,BTC,0.01\n"
        "2026-01-29 15:00:00+00,kraken,BTC,0.0024\n"
        "2026-01-29 16:00:00+00,kraken,BTC,250\n",
        {
            "venue": "kraken",
            "instrument": "PF_{coin}USD",
            "interval_hours": "1",
            "rate_unit": "percent",
        },
        *({}, {"BTC": "XBT"}),
    ),
    # This file's contract settles every 8, then every 4 hours.
    "intervals from gaps": (
        *("bybit", "funding-csv"),
        "symbol,time,rate\n"
        "BTCUSDT,2026-01-28T16:00:00Z,0.0001\nBTCUSDT,2026-01-29T00:00:00Z,0.0002\n"
        "BTCUSDT,2026-01-29T04:00:00Z,0.0003\n",
        *({"interval_hours": "from_gaps"}, {}, {}),
    ),
    "ratio": (
        *("binance", "ratio-csv"),
        "2026-01-29 14:00:00,1.5,60,40\n2026-01-29 15:00:00,much,60,40\n",
        {"zone": "UTC", "instrument": "BTCUSDT", "ratio_kind": "accounts"},
        *({"time": "1", "long_short_ratio": "2"}, {}),
    ),
    "sums in dollars": (
        *("somebody", "reported-csv"),
        "symbol,ts_utc,liq_long_usd,liq_short_usd\n"
        "BTC,2020-12-31 00:00:00+00,0.0,0.0\nBTC,2021-01-01 00:00:00+00,100.5,20\n"
        "BTC,2021-01-01 00:00:00+00,100.5,20\nBTC,2021-01-02 00:00:00+00,,20\n",
        {"exchange": "all", "unit": "usd", "bar": "1d", "first_valid_day": "2021-01-01"},
        *({}, {}),
    ),
    "sums in coins": (
        *("coinalyze", "reported-csv"),
        "2024-06-20 03:00:00,0.5,1.25\n2024-06-20 04:00:00,0,2\n",
        {
            "exchange": "Gate.io",
            "asset": "BTC",
            "unit": "base",
            "bar": "1h",
            "first_valid_day": "2024-06-20",
            "zone": "Europe/Istanbul",
        },
        *({"time": "1", "long": "2", "short": "3"}, {}),
    ),
    "market caps": (
        *("market_caps", "market-caps-csv"),
        "asset,time,market_cap_usd,price_usd\n"
        "btc,1769644800,1700000000000,85000\nNEWCOIN,1769644800,0,2\nETH,1769644800,1e16,3000\n",
        *({"source": "messari"}, {}, {}),
    ),
}


def take(home: Home, folder: Path, name: str, **changed: Any) -> Any:
    """Imports one of FILES, with changed settings."""
    venue, format, text, settings, columns, renames = FILES[name]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.csv"
    file.write_text(text)
    options = ReadOptions({**settings, **changed}, columns, renames)
    return import_files(home, venue, format, [file], clock_at(IMPORTED_AT), options)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder: Path = tmp_path_factory.mktemp("own")
    home = Home(folder / "home")
    batches = {name: take(home, folder, name).seal.batch.batch_id for name in FILES}
    return build_own_csv(home, batches)


def staged(warehouse: Built, name: str, table: str, columns: str) -> list[tuple[Any, ...]]:
    """Rows of a file in line order."""
    rows = warehouse.staged(
        f"select {columns} from landed.stg_csv__{table} where batch_id = ? order by raw_line",
        warehouse.batches[name],
    )
    return [tuple(row.values()) for row in rows]


def test_times_of_any_notation_give_their_instant(warehouse: Built) -> None:
    rows = staged(warehouse, "times", "prices", "observed_at, reject_reason")
    at_14, at_15 = at("2026-01-29 14:00:00"), at("2026-01-29 15:00:00")
    assert rows[:4] == [(at_14, None), (at_15, None), (at_14, None), (at_15, None)]


def test_a_bad_bar_has_its_reason(warehouse: Built) -> None:
    reasons = [reason for (reason,) in staged(warehouse, "times", "prices", "reject_reason")]
    assert reasons[4:8] == [
        *("unreadable_time", "unreadable_number", "contradictory_bar", "wrong_column_count"),
    ]
    assert staged(warehouse, "times", "prices", "venue_asset")[7:9] == [("SOL",), (None,)]
    # The bar ends at 00:30, half an hour after the import.
    assert reasons[9] == "unfinished_bar"


def test_bars_of_a_perpetual_are_prices_of_its_own_trades(warehouse: Built) -> None:
    rows = staged(
        warehouse,
        *("times", "prices"),
        "venue, instrument, price_kind, observed_at, close_at, bar_seconds, open_usd, high_usd,"
        " low_usd, close_usd, volume_base, volume_usd",
    )
    times = [at(f"2026-01-29 {hour}:00:00") for hour in (14, 15, 16)]
    assert rows[:2] == [
        ("bybit", "BTCUSDT", "last", *times[:2], 3600, 4.0, 6.0, 3.0, 5.0, 10.0, None),
        ("bybit", "BTCUSDT", "last", *times[1:], 3600, 5.0, 7.0, 4.0, 6.0, 11.0, None),
    ]


def test_a_label_that_comes_twice_is_two_instants_in_the_order_of_the_file(
    warehouse: Built,
) -> None:
    assert staged(
        warehouse, "berlin", "open_interest", "instrument, observed_at, oi_usd, reject_reason"
    ) == [
        ("BTC-USDT-SWAP", at("2025-10-25 23:00:00"), 1.0, None),
        ("BTC-USDT-SWAP", at("2025-10-26 00:00:00"), 2.0, None),
        ("BTC-USDT-SWAP", at("2025-10-26 01:00:00"), 3.0, None),
        ("BTC-USDT-SWAP", at("2025-10-26 02:00:00"), 4.0, None),
        ("BTC-USDT-SWAP", at("2026-03-29 00:00:00"), 5.0, None),
        ("BTC-USDT-SWAP", None, 6.0, "nonexistent_local_time"),
        ("BTC-USDT-SWAP", at("2026-03-29 01:00:00"), 7.0, None),
        ("ETH-USDT-SWAP", None, 8.0, "ambiguous_local_time"),
    ]


def test_a_newest_first_file_has_the_later_instant_first(warehouse: Built) -> None:
    assert staged(warehouse, "newest first", "open_interest", "observed_at, oi_usd") == [
        (at("2025-10-26 02:00:00"), 4.0),
        (at("2025-10-26 01:00:00"), 3.0),
        (at("2025-10-26 00:00:00"), 2.0),
        (at("2025-10-25 23:00:00"), 1.0),
    ]


def test_open_interest_is_of_one_side_in_its_stated_unit(warehouse: Built) -> None:
    assert staged(
        warehouse, "two sides", "open_interest", "oi_contracts, oi_base, oi_usd, reject_reason"
    ) == [
        (None, 150.0, None, None),
        (None, None, 50.0, None),
        (70.0, None, None, None),
        (None, None, None, "unknown_unit"),
        (None, None, 50.0, "missing_field"),
        (None, None, -1.0, "negative_number"),
    ]


def test_only_the_named_venue_is_read_from_a_file_of_several(
    warehouse: Built, tmp_path: Path
) -> None:
    assert staged(
        warehouse,
        *("several venues", "funding"),
        "venue, instrument, observed_at, funding_rate, interval_hours, reject_reason",
    ) == [
        ("kraken_futures", "PF_XBTUSD", at("2026-01-29 14:00:00"), 0.000012, 1.0, None),
        ("kraken_futures", "PF_XBTUSD", at("2026-01-29 15:00:00"), 0.000024, 1.0, None),
        ("kraken_futures", "PF_XBTUSD", at("2026-01-29 16:00:00"), 2.5, 1.0, "implausible_rate"),
    ]
    report = take(Home(tmp_path / "home"), tmp_path, "several venues")
    assert [dict(reading.left_out) for _, reading in report.readings] == [{"bybit": 1}]


def test_an_interval_may_be_left_to_the_settlements_around(warehouse: Built) -> None:
    assert (
        staged(
            warehouse, "intervals from gaps", "funding", "interval_hours, is_settled, reject_reason"
        )
        == [(None, True, None)] * 3
    )


def test_ratios_are_read_by_the_places_of_their_columns(warehouse: Built) -> None:
    assert staged(
        warehouse,
        *("ratio", "long_short_ratio"),
        "instrument, observed_at, ratio_kind, long_short_ratio, reject_reason",
    ) == [
        ("BTCUSDT", at("2026-01-29 14:00:00"), "accounts", 1.5, None),
        ("BTCUSDT", at("2026-01-29 15:00:00"), "accounts", None, "unreadable_number"),
    ]


def test_sums_before_the_first_valid_day_are_rejected(warehouse: Built) -> None:
    assert [
        reason
        for (reason,) in staged(
            warehouse, "sums in dollars", "reported_liquidations", "reject_reason"
        )
    ] == ["before_first_valid_day", None, None, "missing_field"]
    rows = warehouse.rows(
        "select source, exchange, venue, base_asset, observed_at, bar_seconds, long_usd, short_usd,"
        " total_usd, long_base from marts.reported_liquidations where batch_id = ?",
        warehouse.batches["sums in dollars"],
    )
    assert [tuple(row.values()) for row in rows] == [
        ("somebody", "all", None, "BTC", at("2021-01-01 00:00:00"), 86400, 100.5, 20.0, 120.5, None)
    ]


def test_sums_in_coins_are_not_dollars(warehouse: Built) -> None:
    rows = warehouse.rows(
        "select venue, observed_at, long_usd, total_usd, long_base, short_base"
        " from marts.reported_liquidations where batch_id = ? order by observed_at",
        warehouse.batches["sums in coins"],
    )
    # Istanbul is three hours ahead.
    assert [tuple(row.values()) for row in rows] == [
        ("gate", at("2024-06-20 00:00:00"), None, None, 0.5, 1.25),
        ("gate", at("2024-06-20 01:00:00"), None, None, 0.0, 2.0),
    ]


def test_market_caps_are_of_their_source(warehouse: Built) -> None:
    rows = warehouse.rows(
        "select base_asset, observed_at, market_cap_usd, price_usd, sector, source"
        " from marts.fct_market_caps where batch_id = ? order by base_asset",
        warehouse.batches["market caps"],
    )
    day = at("2026-01-29 00:00:00")
    # A coin that nothing else names is staged and becomes no fact.
    assert [tuple(row.values())[:4] for row in rows] == [("BTC", day, 1.7e12, 85000.0)]
    assert [(row["sector"] == "other", row["source"]) for row in rows] == [(False, "messari")]
    assert [
        reason for (reason,) in staged(warehouse, "market caps", "market_caps", "reject_reason")
    ] == [
        None,
        None,
        "implausible_number",
    ]


@pytest.mark.parametrize(
    ("name", "changed", "why"),
    [
        ("times", {"bar": ""}, "missing: bar"),
        ("times", {"price_kind": "close"}, "price_kind is one of spot, last, mark, index"),
        ("berlin", {"zone": "+25:00"}, "no time zone"),
        ("berlin", {"zone": "Berlin"}, "no time zone 'Berlin'"),
        ("berlin", {"zone": ""}, "have no zone"),
        ("berlin", {"unit": ""}, "missing: unit"),
        ("berlin", {"instrument": "{asset}-USDT-SWAP"}, "names no column"),
        ("berlin", {"colour": "red"}, "has no column 'colour'"),
        ("several venues", {"venue": "krakatoa"}, "has no row of krakatoa"),
        ("sums in dollars", {"first_valid_day": "2021"}, "first_valid_day is a day"),
        ("sums in dollars", {"first_valid_day": ""}, "missing: first_valid_day"),
        ("ratio", {"ratio_kind": "people"}, "ratio_kind is one of"),
        ("market caps", {"source": ""}, "missing: source"),
    ],
)
def test_missing_or_wrong_settings_are_refused_in_a_sentence(
    tmp_path: Path, name: str, changed: dict[str, str], why: str
) -> None:
    home = Home(tmp_path / "home")
    venue, format, text, settings, columns, renames = FILES[name]
    given = {key: value for key, value in {**settings, **changed}.items() if value}
    file = tmp_path / "file.csv"
    file.write_text(text)
    with pytest.raises(ImportRefusedError, match=why):
        import_files(
            home,
            venue,
            format,
            [file],
            clock_at(IMPORTED_AT),
            ReadOptions(given, columns, renames),
        )
    assert Ledger(home).sealed() == []


def test_a_file_is_read_in_another_way_by_importing_it_again(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = take(home, tmp_path, "sums in coins").seal
    again = take(home, tmp_path, "sums in coins")
    assert (again.seal, again.reread, again.already_there) == (None, (), ("sums in coins.csv",))
    other = take(home, tmp_path, "sums in coins", zone="UTC")
    (seal,) = other.reread
    assert (seal.batch, seal.revision) == (first.batch, 2)
    (landing,) = seal.landings["coinalyze"]
    assert landing.objects[0].reading["settings"]["zone"] == "UTC"
