"""Every row of a mart says when the last batch that it stands on was sealed.

Three hours of two venues, each sealed five minutes after its end. A file of Binance's first hour
comes at 09:00. Bybit alone reports ETH.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.hand_made import at, binance, bybit, copied, land, marts, query, seal
from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse import promises
from unwind.warehouse.promises import key_of
from unwind.warehouse.refresh import refresh

LATE = at(9)
AVAILABLE = "strftime(available_at, '%H:%M')"
# What stands on no raw row: the run itself, the calendar, and what the project's own files state.
WITHOUT = {
    *("release", "published_releases", "mart_revisions", "gate_results"),
    *("dim_hours", "dim_venues", "coverage_calibration"),
}
# They stand on fewer liquidations than they may read: the latest one makes an asset tracked, and a
# row of a bucket sums those of the bucket. Without open interest there is no map to read.
STAND_ON_FEWER = {"leverage_hourly", "funding_hourly", "liquidation_clusters"}
STAND_ON_FEWER |= {"liquidation_wave", "cliff_vs_drift"}
WITH = sorted(promises.marts().keys() - WITHOUT)


def land_hour(home: Home, hour: int) -> None:
    """Binance's long and short of BTC, Bybit's longs of BTC and ETH."""
    btc = [
        binance("BTCUSDT", "SELL", "2", "90000", at(hour, 5)),
        binance("BTCUSDT", "BUY", "1", "91000", at(hour, 7)),
    ]
    land(home, hour, "binance", btc)
    both = [
        bybit("BTCUSDT", "Buy", "1", "90000", at(hour, 9)),
        bybit("ETHUSDT", "Buy", "10", "3000", at(hour, 9, 30)),
    ]
    land(home, hour, "bybit", both)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Releases of the first hour, of the others, and of the late file: 3 BTC at 00:20."""
    home = Home(tmp_path_factory.mktemp("available") / "home")
    home.root.mkdir()
    for hour in (0, 1, 2):
        land_hour(home, hour)
        seal(home, hour, at(hour + 1, 5))
        if hour != 1:
            refresh(home, clock=lambda hour=hour: at(hour + 1, 6))
    late = home.root.parent / "late.ndjson"
    late.write_text(binance("BTCUSDT", "SELL", "3", "90000", at(0, 20)) + "\n")
    import_files(home, "binance", "frames", [late], lambda: LATE)
    refresh(home, clock=lambda: at(9, 1))
    return home


@pytest.fixture(scope="module")
def release(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def by_hour(home: Home, mart: str, columns: str, where: str = "true") -> list[tuple]:
    """The hour and these columns of a mart's rows, and when each was available."""
    return query(
        home,
        f"select distinct hour(hour_at), {columns}, {AVAILABLE} from marts.{mart}"
        f" where {where} order by all",
    )


@pytest.mark.parametrize("mart", ["liquidations_hourly", "liquidations_minutely"])
def test_only_rows_that_stand_on_the_late_file_are_late(home: Home, mart: str) -> None:
    # Binance publishes one event a second: what it hid is judged by all of its events of the hour.
    assert by_hour(home, mart, "venue, base_asset") == [
        (0, "binance", "BTC", "09:00"),
        (0, "bybit", "BTC", "01:05"),
        (0, "bybit", "ETH", "01:05"),
        (1, "binance", "BTC", "02:05"),
        (1, "bybit", "BTC", "02:05"),
        (1, "bybit", "ETH", "02:05"),
        (2, "binance", "BTC", "03:05"),
        (2, "bybit", "BTC", "03:05"),
        (2, "bybit", "ETH", "03:05"),
    ]


def test_a_venue_that_has_not_landed_is_known_of_since_the_hours_first_batch(home: Home) -> None:
    venues = "venue in ('binance', 'bybit', 'okx')"
    assert by_hour(home, "venue_coverage_hourly", "venue, landing_outcome", venues)[:4] == [
        (0, "binance", "complete", "09:00"),
        (0, "bybit", "complete", "01:05"),
        (0, "okx", "not_landed", "01:05"),
        (1, "binance", "complete", "02:05"),
    ]


def test_a_sum_over_venues_is_as_late_as_the_latest_of_them(home: Home) -> None:
    # A row has its shares in all venues and in all assets; Bybit's of ETH is a share of Bybit's.
    assert by_hour(
        home,
        "exchange_breakdown",
        "window_hours, base_asset, venue",
        "base_asset in ('BTC', 'ETH') and venue in ('bybit', 'ALL') and window_hours in (1, 4)",
    ) == [
        (0, 1, "BTC", "ALL", "09:00"),
        (0, 1, "BTC", "bybit", "09:00"),
        (0, 1, "ETH", "ALL", "09:00"),
        (0, 1, "ETH", "bybit", "01:05"),
        (0, 4, "BTC", "ALL", "09:00"),
        (0, 4, "BTC", "bybit", "09:00"),
        (0, 4, "ETH", "ALL", "09:00"),
        (0, 4, "ETH", "bybit", "01:05"),
        (1, 1, "BTC", "ALL", "02:05"),
        (1, 1, "BTC", "bybit", "02:05"),
        (1, 1, "ETH", "ALL", "02:05"),
        (1, 1, "ETH", "bybit", "02:05"),
        (1, 4, "BTC", "ALL", "09:00"),
        (1, 4, "BTC", "bybit", "09:00"),
        (1, 4, "ETH", "ALL", "09:00"),
        (1, 4, "ETH", "bybit", "02:05"),
        (2, 1, "BTC", "ALL", "03:05"),
        (2, 1, "BTC", "bybit", "03:05"),
        (2, 1, "ETH", "ALL", "03:05"),
        (2, 1, "ETH", "bybit", "03:05"),
        (2, 4, "BTC", "ALL", "09:00"),
        (2, 4, "BTC", "bybit", "09:00"),
        (2, 4, "ETH", "ALL", "09:00"),
        (2, 4, "ETH", "bybit", "03:05"),
    ]


@pytest.mark.parametrize(
    "mart",
    [
        *("liquidation_imbalance_hourly", "liquidation_intensity_hourly", "divergence_hourly"),
        *("stress_hourly", "stress_components_hourly"),
    ],
)
def test_a_trailing_window_is_late_while_it_holds_the_late_hour(home: Home, mart: str) -> None:
    # Bybit alone is expected to report ETH: Binance's file is nothing to it.
    assert by_hour(home, mart, "base_asset", "base_asset in ('BTC', 'ETH')") == [
        (0, "BTC", "09:00"),
        (0, "ETH", "01:05"),
        (1, "BTC", "09:00"),
        (1, "ETH", "02:05"),
        (2, "BTC", "09:00"),
        (2, "ETH", "03:05"),
    ]


def test_a_day_is_as_late_as_its_latest_event(home: Home) -> None:
    [(binance_at,)] = query(
        home,
        f"select distinct {AVAILABLE} from marts.grain_audit where venue = 'binance'",
    )
    assert binance_at == "09:00"
    # Bybit's rows of its own say when its last hour was sealed; its clock is judged by Binance's.
    assert query(
        home,
        f"select check_name, {AVAILABLE} from marts.grain_audit where venue = 'bybit'"
        " and check_name in ('leg_parity', 'clock_by_other_venues') order by all",
    ) == [("clock_by_other_venues", "09:00"), ("leg_parity", "03:05")]


def test_a_batchs_counts_are_known_when_it_is_sealed(home: Home) -> None:
    assert query(
        home,
        "select venue, hour(hour_at), batch_id like 'import-%',"
        f" {AVAILABLE} from marts.liquidation_accounting where hour(hour_at) = 0 order by all",
    ) == [
        ("binance", 0, False, "01:05"),
        ("binance", 0, True, "09:00"),
        ("bybit", 0, False, "01:05"),
    ]


def test_increments_equal_a_full_build(home: Home, tmp_path: Path) -> None:
    other = copied(home, tmp_path / "full")
    refresh(other, clock=lambda: at(9, 1))
    built, full = marts(home), marts(other)
    assert built.keys() == full.keys()
    for mart in built:
        assert built[mart] == full[mart], mart


@pytest.mark.parametrize("mart", WITH)
def test_every_row_was_available_before_its_release(
    release: duckdb.DuckDBPyConnection, mart: str
) -> None:
    column = promises.marts()[mart].column("available_at")
    late, unknown = release.execute(
        "select count(*) filter (where available_at > (select built_at from marts.release)),"
        f" count(*) filter (where available_at is null) from marts.{mart}"
    ).fetchall()[0]
    assert late == 0
    assert unknown == 0 or not column.is_not_null


@pytest.mark.parametrize("mart", sorted(WITHOUT))
def test_what_stands_on_no_raw_row_has_no_such_column(mart: str) -> None:
    assert "available_at" not in {column.name for column in promises.marts()[mart].columns}


def test_what_a_late_batch_has_changed_was_not_known_before(
    release: duckdb.DuckDBPyConnection,
) -> None:
    revised = release.execute(
        "select mart, row_key, count(*) from marts.mart_revisions"
        " where cause = 'late_batch' and change_kind in ('changed', 'inserted') group by all"
    ).fetchall()
    assert len({mart for mart, *_ in revised}) > 10
    for mart, row_key, _ in revised:
        key = json.loads(row_key)
        where = " and ".join(f"{name}::varchar is not distinct from ?" for name in key)
        [(available_at,)] = release.execute(
            f"select available_at from marts.{mart} where {where}", list(key.values())
        ).fetchall()
        assert available_at == LATE.replace(tzinfo=None), (mart, key)


def test_no_row_was_available_before_the_liquidations_that_it_reads(
    release: duckdb.DuckDBPyConnection,
) -> None:
    compared = 0
    macros = {
        name
        for (name,) in release.execute(
            "select function_name from duckdb_functions() where function_name like 'facts_of_%'"
        ).fetchall()
    }
    for name in sorted(macros):
        mart = promises.marts()[name.removeprefix("facts_of_")]
        if mart.name in STAND_ON_FEWER:
            continue
        key = key_of(mart)
        rows = release.execute(
            f"select available_at, {', '.join(key)} from marts.{mart.name} order by all limit 400"
        ).fetchall()
        for available_at, *values in rows:
            asked = ", ".join("?" for _ in key)
            last_at = release.execute(
                "select max(facts.available_at)"
                f" from marts.{name}({asked}) as read"
                " inner join marts.fct_liquidations as facts using (liquidation_id)"
                " where read.is_counted",
                [str(one) if isinstance(one, datetime) else one for one in values],
            ).fetchall()[0][0]
            compared += last_at is not None
            assert last_at is None or available_at >= last_at, (mart.name, values)
    assert compared > 100
