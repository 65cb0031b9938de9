"""Files recorded by others, imported with the formats for the user's own columns.

Expected values are computed from the files themselves, in plain Python and DuckDB.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from tests.dbt.own_csv_imports import build_own_csv
from tests.liquidations.liquidation_imports import Built, clock_at

from unwind.landing.csv_reading import ReadOptions
from unwind.landing.imports import import_files
from unwind.settings import PROJECT_ROOT, Home

RECORDINGS = Path(
    os.environ.get("UNWIND_RECORDINGS") or PROJECT_ROOT.parent / "shared" / "recordings"
)
pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(
        not RECORDINGS.is_dir(),
        reason=f"no recordings at {RECORDINGS}; set UNWIND_RECORDINGS to their folder",
    ),
]
IMPORTED_AT = datetime(2026, 11, 1, tzinfo=UTC)
CONTEXT = RECORDINGS / "context"
HOURLY = CONTEXT / "multi_venue_hourly"
TOTALS = RECORDINGS / "reference_totals"
COINALYZE = TOTALS / "coinalyze_hourly_2024"

# Venue: its name in the files, its instrument pattern, and its names of coins where they differ.
# The files have four more, with instrument patterns alone.
VENUES: dict[str, tuple[str, str, dict[str, str]]] = {
    "okx": ("okx", "{coin}-USDT-SWAP", {}),
    "kraken_futures": ("kraken", "PF_{coin}USD", {"BTC": "XBT"}),
    "lighter": (
        "lighter",
        "{coin}",
        {"ETH": "0", "BTC": "1", "SOL": "2", "DOGE": "3", "HYPE": "24"},
    ),
}
# Labels of the first folder are six hours ahead of UTC, those of the second three: only at these
# whole hours do the opens match Binance's spot within the basis.
ZONES = {"csvFolder": "+06:00", "csvFolder2": "+03:00"}
SERIES = {
    "ohlcv": (
        "bars-csv",
        {"price_kind": "last", "volume_unit": "base"},
        {"open_time": "1", "open": "2", "high": "3", "low": "4", "close": "5", "volume": "6"},
    ),
    "open-interest": (
        "oi-csv",
        {"unit": "base", "sides": "one"},
        {"time": "1", "open_interest": "2"},
    ),
    "long-short-ratio": (
        "ratio-csv",
        {"ratio_kind": "accounts"},
        {"time": "1", "long_short_ratio": "2"},
    ),
    "liquidation": (
        "reported-csv",
        {"exchange": "Binance", "unit": "base", "first_valid_day": "2024-06-19"},
        {"time": "1", "long": "2", "short": "3"},
    ),
}


def take(
    home: Home, venue: str, format: str, files: list[Path], settings: dict[str, str],
    columns: dict[str, str] | None = None, renames: dict[str, str] | None = None,
) -> str:  # fmt: skip
    """Imports files; returns the batch id."""
    options = ReadOptions(settings, columns or {}, renames or {})
    seal = import_files(home, venue, format, files, clock_at(IMPORTED_AT), options).seal
    assert seal
    return seal.batch.batch_id


def take_coinalyze(home: Home) -> Iterator[tuple[str, str]]:
    """Imports each file of Coinalyze; yields its name and batch id."""
    for folder, zone in ZONES.items():
        for file in sorted((COINALYZE / folder).glob("*.csv")):
            symbol, series = file.stem.removesuffix("-history").split("_PERP.A_")
            format, settings, columns = SERIES[series]
            given = {**settings, "zone": zone, "instrument": symbol}
            if format in ("bars-csv", "reported-csv"):
                given["bar"] = "1h" if folder == "csvFolder" else "5m"
            if format == "reported-csv":
                given["asset"] = symbol.removesuffix("USDT")
            venue = "coinalyze" if format == "reported-csv" else "binance"
            yield (
                f"{folder}/{file.name}",
                take(home, venue, format, [file], given, columns),
            )


def take_market_caps(home: Home, folder: Path) -> Iterator[tuple[str, str]]:
    """Messari's points and CoinGecko's response, converted to CSV by a query each
    (docs/imports.md)."""
    for coin, asset in (("bitcoin", "BTC"), ("ethereum", "ETH"), ("hyperliquid", "HYPE")):
        source = CONTEXT / "market_cap" / f"messari_{coin}_marketcap.json"
        points = json.loads(source.read_text())["data"]["points"]
        file = folder / f"{coin}.csv"
        file.write_text("".join(f"{point[0]},{point[1]}\n" for point in points))
        columns = {"time": "1", "market_cap_usd": "2"}
        given = {"asset": asset, "source": "messari"}
        yield coin, take(home, "market_caps", "market-caps-csv", [file], given, columns)
    file = folder / "coins_markets.csv"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select symbol, last_updated, market_cap, current_price, total_volume from"
            f" read_json('{CONTEXT / 'market_cap' / 'coins_markets.json'}')) to '{file}'"
        )
    columns = {
        "time": "last_updated",
        "price_usd": "current_price",
        "volume_24h_usd": "total_volume",
    }
    given = {"source": "coingecko", "zone": "UTC"}
    yield (
        "coingecko",
        take(home, "market_caps", "market-caps-csv", [file], given, columns),
    )


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("recorded")
    home = Home(folder / "home")
    batches = {}
    for coin in ("BTC", "ETH", "SOL"):
        batches[f"spot {coin}"] = take(
            *(home, "binance", "bars-csv"),
            [CONTEXT / "binance_spot_1h" / f"{coin}_USDT_1h.csv"],
            {
                "instrument": f"{coin}USDT",
                "bar": "1h",
                "price_kind": "spot",
                "volume_unit": "base",
            },
        )
    for venue, (name, pattern, renames) in VENUES.items():
        given = {"venue": name, "instrument": pattern}
        batches[f"candles {venue}"] = take(
            *(home, venue, "bars-csv", [HOURLY / "candles.parquet"]),
            {**given, "bar": "1h", "price_kind": "last", "volume_unit": "base"},
            None,
            renames,
        )
        batches[f"funding {venue}"] = take(
            *(home, venue, "funding-csv", [HOURLY / "funding_rates.parquet"]),
            {**given, "interval_hours": "from_gaps"},
            None,
            renames,
        )
        batches[f"oi {venue}"] = take(
            *(home, venue, "oi-csv", [HOURLY / "open_interest.parquet"]),
            {**given, "unit": "usd", "sides": "one"},
            {"open_interest": "oi_usd"},
            renames,
        )
    batches["daily spot"] = take(
        *(home, "binance", "bars-csv", [TOTALS / "coinglass_daily" / "spot_ohlcv_1d.csv"]),
        {"bar": "1d", "price_kind": "spot"},
    )
    batches["daily liquidations"] = take(
        *(home, "coinglass", "reported-csv"),
        [TOTALS / "coinglass_daily" / "liquidation_agg_1d.csv"],
        {"exchange": "all", "unit": "usd", "bar": "1d", "first_valid_day": "2020-12-23"},
    )
    batches.update(take_coinalyze(home))
    batches.update(take_market_caps(home, folder))
    return build_own_csv(home, batches)


def rows_of(file: Path) -> list[list[str]]:
    with file.open() as stream:
        return list(csv.reader(stream))


def sums(warehouse: Built, table: str, name: str, expression: str) -> tuple:
    """Counts of good and bad rows, and an expression over the good ones."""
    (row,) = warehouse.staged(
        "select count(*) filter (where reject_reason is null) as good,"
        " count(*) filter (where reject_reason is not null) as bad,"
        f" {expression} filter (where reject_reason is null) as figure"
        f" from landed.stg_csv__{table} where batch_id = ?",
        warehouse.batches[name],
    )
    return tuple(row.values())


@pytest.mark.parametrize("coin", ["BTC", "ETH", "SOL"])
def test_spot_bars_keep_their_volume_and_time(warehouse: Built, coin: str) -> None:
    listed = rows_of(CONTEXT / "binance_spot_1h" / f"{coin}_USDT_1h.csv")[1:]
    good, bad, volume = sums(warehouse, "prices", f"spot {coin}", "sum(volume_base)")
    # A file may end with an hour that was unfinished when recorded; by the import it is over.
    assert (good, bad) == (len(listed), 0)
    assert volume == pytest.approx(sum(float(row[5]) for row in listed), rel=1e-12)
    (first,) = warehouse.staged(
        "select observed_at, open_usd from landed.stg_csv__prices where batch_id = ?"
        " order by raw_line limit 1",
        warehouse.batches[f"spot {coin}"],
    )
    assert first["observed_at"] == datetime.fromisoformat(listed[0][0]).replace(tzinfo=None)
    assert first["open_usd"] == float(listed[0][1])


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    ("file", "table", "prefix", "column", "figure"),
    [
        ("candles", "prices", "candles", "v", "volume_base"),
        ("funding_rates", "funding", "funding", "funding_rate", "funding_rate"),
        ("open_interest", "open_interest", "oi", "oi_usd", "oi_usd"),
    ],
)
def test_of_a_file_of_seven_venues_each_import_reads_its_own(
    warehouse: Built, venue: str, file: str, table: str, prefix: str, column: str, figure: str
) -> None:
    with duckdb.connect() as connection:
        rows, total = connection.execute(
            f"select count(*), sum({column}) from '{HOURLY / file}.parquet' where venue = ?",
            [VENUES[venue][0]],
        ).fetchone()
    good, bad, summed = sums(warehouse, table, f"{prefix} {venue}", f"sum({figure})")
    assert (good, bad) == (rows, 0)
    assert summed == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("folder", ZONES)
def test_local_times_fit_another_sources_prices(warehouse: Built, folder: str) -> None:
    spot = {
        datetime.fromisoformat(row[0]).replace(tzinfo=None): float(row[1])
        for row in rows_of(CONTEXT / "binance_spot_1h" / "BTC_USDT_1h.csv")[1:]
    }
    rows = warehouse.staged(
        "select observed_at, open_usd from landed.stg_csv__prices"
        " where batch_id = ? and reject_reason is null",
        warehouse.batches[f"{folder}/BTCUSDT_PERP.A_ohlcv-history.csv"],
    )
    basis = [
        abs(row["open_usd"] / spot[row["observed_at"]] - 1)
        for row in rows
        if row["observed_at"] in spot
    ]
    assert len(basis) > 100
    assert sum(basis) / len(basis) < 0.0006


@pytest.mark.parametrize("symbol", ["BTC", "ETH", "SOL"])
def test_hourly_sums_in_coins_count_a_repeated_label_once(warehouse: Built, symbol: str) -> None:
    name = f"csvFolder/{symbol}USDT_PERP.A_liquidation-history.csv"
    listed = {tuple(row) for row in rows_of(COINALYZE / name)}
    rows = warehouse.rows(
        "select count(*) as bars, sum(long_base) as long_base, sum(short_base) as short_base,"
        " count(long_usd) as in_dollars, min(observed_at) as first_at, any_value(venue) as venue"
        " from marts.reported_liquidations where batch_id = ?",
        warehouse.batches[name],
    )
    (found,) = rows
    # A repeated label repeats the whole row, after a missing hour: this is no DST change.
    assert found["bars"] == len(listed) == len({row[0] for row in listed})
    assert found["long_base"] == pytest.approx(sum(float(row[1]) for row in listed), rel=1e-9)
    assert found["short_base"] == pytest.approx(sum(float(row[2]) for row in listed), rel=1e-9)
    assert (found["in_dollars"], found["venue"]) == (0, "binance")
    assert found["first_at"] == datetime.fromisoformat("2024-06-20T03:00") - timedelta(hours=6)


def test_every_row_of_coinalyze_is_staged_and_none_is_refused(warehouse: Built) -> None:
    for folder in ZONES:
        for file in sorted((COINALYZE / folder).glob("*.csv")):
            table = {
                "ohlcv": "prices",
                "open-interest": "open_interest",
                "long-short-ratio": "long_short_ratio",
                "liquidation": "reported_liquidations",
            }[file.stem.removesuffix("-history").split("_PERP.A_")[1]]
            good, bad, _ = sums(warehouse, table, f"{folder}/{file.name}", "count(*)")
            assert (good, bad) == (len(rows_of(file)), 0), file.name


def test_daily_sums_before_their_first_valid_day_are_quarantined(warehouse: Built) -> None:
    listed = rows_of(TOTALS / "coinglass_daily" / "liquidation_agg_1d.csv")[1:]
    valid = [row for row in listed if row[1] >= "2020-12-23"]
    assert all(float(row[2]) == float(row[3]) == 0 for row in listed if row[1] < "2020-12-23")
    (found,) = warehouse.rows(
        "select count(*) as bars, sum(long_usd) as long_usd, sum(short_usd) as short_usd,"
        " count(distinct base_asset) as coins, count(venue) as of_a_venue"
        " from marts.reported_liquidations where batch_id = ?",
        warehouse.batches["daily liquidations"],
    )
    assert (found["bars"], found["coins"], found["of_a_venue"]) == (len(valid), 7, 0)
    assert found["long_usd"] == pytest.approx(sum(float(row[2]) for row in valid), rel=1e-12)
    assert found["short_usd"] == pytest.approx(sum(float(row[3]) for row in valid), rel=1e-12)
    reasons = warehouse.staged(
        "select reject_reason, count(*) as rows from landed.stg_csv__reported_liquidations"
        " where batch_id = ? and reject_reason is not null group by all order by all",
        warehouse.batches["daily liquidations"],
    )
    # Rows before 2017 also precede the first public statistics; the stated day takes precedence.
    assert reasons == [
        {"reject_reason": "before_first_valid_day", "rows": len(listed) - len(valid)}
    ]


def test_daily_bars_have_their_volume_in_dollars(warehouse: Built) -> None:
    listed = rows_of(TOTALS / "coinglass_daily" / "spot_ohlcv_1d.csv")[1:]
    good, bad, volume = sums(warehouse, "prices", "daily spot", "sum(volume_usd)")
    assert (good, bad) == (len(listed), 0)
    assert volume == pytest.approx(sum(float(row[6]) for row in listed), rel=1e-12)


@pytest.mark.parametrize("coin", ["bitcoin", "ethereum", "hyperliquid"])
def test_market_caps_are_those_of_the_source(warehouse: Built, coin: str) -> None:
    source = CONTEXT / "market_cap" / f"messari_{coin}_marketcap.json"
    points = json.loads(source.read_text())["data"]["points"]
    (found,) = warehouse.rows(
        "select count(*) as days, max(market_cap_usd) as highest from marts.fct_market_caps"
        " where batch_id = ? and source = 'messari'",
        warehouse.batches[coin],
    )
    assert found == {"days": len(points), "highest": max(point[1] for point in points)}
