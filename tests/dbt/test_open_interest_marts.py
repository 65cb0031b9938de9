"""Open interest, prices, volumes and funding, built by dbt over hand-made facts
(open_interest_facts.sql)."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.dbt.sealed_facts import seal_facts

from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state

FACTS = Path(__file__).with_name("open_interest_facts.sql").read_text()
INTERMEDIATE = (
    "int_price_series_hourly",
    "int_asset_prices_hourly",
    "int_price_windows_hourly",
    "int_asset_volumes_hourly",
    "int_instrument_open_interest_hourly",
    "int_asset_open_interest_hourly",
    "int_asset_open_interest_changes_hourly",
    "int_asset_open_interest_linked_hourly",
    "int_tracked_assets_hourly",
    "int_asset_open_interest_coverage_hourly",
    "int_instrument_volumes_hourly",
    "int_asset_derivative_volumes_hourly",
    "int_asset_market_caps_hourly",
)
MARTS = ("leverage_hourly", "funding_hourly")
FACT_TABLES = ("fct_open_interest", "fct_funding", "fct_prices", "fct_volumes")
FIRST_HOUR = datetime.fromisoformat("2026-01-27")  # naive UTC, as in the warehouse
HOURS = [FIRST_HOUR + timedelta(hours=number) for number in range(75)]


def at(text: str) -> datetime:
    """A time of January 2026: 28T11 or 28T11:30."""
    return datetime.fromisoformat(f"2026-01-{text}")


def open_warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    """Both database files, attached under dbt's names."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{home.warehouse_db}' as warehouse")
    connection.execute(f"attach '{home.staging_db}' as staging")
    connection.execute("use warehouse")
    return connection


def make_home(root: Path) -> Home:
    """A home with the facts and nothing built."""
    home = Home(root)
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(FACTS)
        seal_facts(connection)
    return home


def build(home: Home, pending: Iterable[datetime], command: str = "run") -> None:
    """Builds as the refresh does: the pending hours, and the hour before each."""
    hours = sorted(set(pending))
    hours = sorted({*hours, *(hour - timedelta(hours=1) for hour in hours)})
    with staging_state(home) as state:
        for table, values in (("ops.hours", HOURS), ("ops.pending_hours", hours)):
            state.execute(f"delete from {table}")
            state.execute(f"insert into {table} select unnest(?::timestamp[])", [values])
    run_dbt(home, [command, "--select", *INTERMEDIATE, *MARTS])


@pytest.fixture(scope="module")
def full_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All hours built at once, with the models' data and unit tests."""
    home = make_home(tmp_path_factory.mktemp("full"))
    build(home, HOURS, "build")
    return home


@pytest.fixture
def warehouse(full_build: Home) -> Iterable[duckdb.DuckDBPyConnection]:
    with open_warehouse(full_build) as connection:
        yield connection


def row(
    warehouse: duckdb.DuckDBPyConnection, table: str, hour: str, asset: str, columns: str
) -> tuple[Any, ...] | None:
    schema = "marts" if table in MARTS else "staging.intermediate"
    return warehouse.execute(
        f"select {columns} from {schema}.{table} where hour_at = ? and base_asset = ?",
        [at(hour), asset],
    ).fetchone()


def leverage(warehouse: duckdb.DuckDBPyConnection, hour: str, asset: str, columns: str) -> Any:
    return row(warehouse, "leverage_hourly", hour, asset, columns)


# --- open interest ------------------------------------------------------------------------------


def test_venues_that_are_polled_after_the_hour_are_in_its_end_as_in_its_start(warehouse) -> None:
    # 1000 + 500 + 3000 + 400 coins at 90 dollars; gate no longer reports.
    assert leverage(
        warehouse,
        "29T10",
        "BTC",
        "oi_start_usd, oi_usd, oi_base, oi_venues_expected, oi_start_venues, oi_end_venues,"
        " oi_observed_to_at",
    ) == (441_000, 441_000, 4_900, 5, 4, 4, at("29T11:00:20"))


def test_an_hour_ends_with_what_the_next_one_starts_with(warehouse) -> None:
    differing = warehouse.execute(
        """
        select former.hour_at, former.base_asset, former.oi_usd, later.oi_start_usd
        from marts.leverage_hourly as former
        inner join marts.leverage_hourly as later
            on former.hour_at + interval 1 hour = later.hour_at
            and former.base_asset = later.base_asset
        where former.oi_usd is distinct from later.oi_start_usd
        """
    ).fetchall()
    assert differing == []


def test_a_change_is_of_the_instruments_known_at_both_ends(warehouse) -> None:
    change = "oi_change_1h_share, oi_usd_change_1h_share, oi_change_1h_instruments"
    # okx's 3000 coins are first reported at the end of 28T11: no change in the others...
    assert leverage(warehouse, "28T11", "BTC", change) == (0, 0, 3)
    # ... and bitget's 400 are missing at the end of 29T04.
    assert leverage(warehouse, "29T04", "BTC", change) == (0, 0, 3)
    # The price falls from 100 to 90 at the end of 28T23; no position is closed.
    assert leverage(warehouse, "28T23", "BTC", change) == (0, -0.1, 4)
    # 600 to 450 coins.
    assert leverage(warehouse, "29T14", "SOL", change) == (-0.25, -0.25, 1)


def test_a_days_change_compares_the_ends_of_24_hours(warehouse) -> None:
    day = "oi_change_24h_share, oi_usd_change_24h_share, oi_change_24h_instruments"
    # 28T15 starts at 15:00 on the 28th, and 29T14 ends at 15:00 on the 29th.
    assert leverage(warehouse, "29T14", "SOL", day) == (-0.25, -0.25, 1)
    assert leverage(warehouse, "29T14", "BTC", day) == (0, -0.1, 4)
    # At 12:00 on the 28th gate no longer reported; okx did, at 12:00:20.
    assert leverage(warehouse, "29T11", "BTC", "oi_change_24h_instruments") == (4,)
    assert leverage(warehouse, "27T20", "BTC", day) == (None, None, 0)


def test_all_values_each_assets_change_at_its_start(warehouse) -> None:
    # BTC 441,000, ETH 100,000 and SOL 6,000 dollars; a quarter of SOL is closed.
    assert leverage(
        warehouse, "29T14", "ALL", "oi_start_usd, oi_usd, oi_change_1h_share, oi_base"
    ) == (547_000, 545_500, round(-1_500 / 547_000, 8), None)


def test_what_is_expected_and_missing_makes_a_lower_bound(warehouse) -> None:
    bound = "oi_end_venues, oi_venues_expected, is_lower_bound, is_incomplete"
    # Only binance lists SOL; bybit lists ETH but reports none.
    assert leverage(warehouse, "28T10", "SOL", bound) == (1, 1, False, False)
    assert leverage(warehouse, "28T10", "ETH", bound) == (1, 2, True, True)
    # bitget's 36,000 dollars are missing at 05:00: the end of one hour and the start of the next.
    assert leverage(warehouse, "29T04", "BTC", f"oi_usd, {bound}") == (405_000, 3, 5, True, True)
    assert leverage(warehouse, "28T10", "ALL", "is_lower_bound, is_incomplete") == (True, True)


def test_the_linked_series_does_not_jump_with_venues(warehouse) -> None:
    series = dict(
        warehouse.execute(
            "select hour_at, oi_constant_venues_usd from marts.leverage_hourly"
            " where base_asset = 'BTC' and hour_at >= '2026-01-27' order by hour_at"
        ).fetchall()
    )
    # 1000 + 500 + 200 + 400 coins at 100.
    assert series[at("27T05")] == series[at("28T10")] == 210_000
    # okx adds 300,000 to the sum and nothing here; an hour later 1/720 of it fades in.
    assert series[at("28T11")] == 210_000
    assert series[at("28T12")] == pytest.approx(210_000 * (51 / 21) ** (1 / 720), abs=0.001)
    for hour, former in zip(HOURS[1:-1], HOURS, strict=False):
        change = series[hour] / series[former] - 1
        # The price falls by a tenth; nothing else moves by more than 1/720.
        assert change == pytest.approx(-0.1 if hour == at("28T23") else 0, abs=0.002), hour
    # gate drops out 24 hours after its last figure, at the end of 28T05.
    left = leverage(warehouse, "29T05", "BTC", "oi_constant_venues_usd")[0]
    kept_out = math.log(510 / 210) * (720 - 18) / 720 + math.log(490 / 510)
    assert left == pytest.approx(441_000 * math.exp(-kept_out), abs=0.01)


def test_open_interest_to_market_cap_is_of_the_linked_series(warehouse) -> None:
    assert leverage(warehouse, "28T10", "BTC", "oi_to_market_cap") == (0.1,)
    assert leverage(warehouse, "28T11", "BTC", "oi_to_market_cap") == (0.1,)
    # BTC 210,000 and SOL 6,000 over 2,100,000 and 60,000; ETH has no market cap.
    assert leverage(warehouse, "28T10", "ALL", "oi_to_market_cap, market_cap_usd") == (
        *(0.1, 2_160_000),
    )
    assert leverage(warehouse, "28T10", "BTC", "market_volume_24h_to_oi") == (4.2,)


def test_account_ratio_is_the_mean_share_of_long_accounts_by_open_interest(warehouse) -> None:
    # Shares 2/3 (1000 coins) and 1/3 (500) make 2.5/4.5, a ratio of 2.5/2.
    assert leverage(
        warehouse, "29T14", "BTC", "long_short_account_ratio, long_short_account_venues"
    ) == (1.25, 2)


# --- volumes ------------------------------------------------------------------------------------


def test_volume_is_the_derivatives_own_and_compared_with_the_same_contracts(warehouse) -> None:
    # 180,000 and 90,000 and, without open interest, 5,000; 1500 coins at 90. okx has only bars:
    # 24 hours of 1,000, and 3000 coins.
    assert leverage(
        warehouse, "29T14", "BTC", "volume_24h_usd, volume_24h_venues, volume_24h_to_oi"
    ) == (299_000, 3, round(294_000 / 405_000, 6))


def test_binance_spot_volume_of_a_day_needs_all_24_hours(warehouse) -> None:
    # One hour of spot is missing.
    assert leverage(warehouse, "29T14", "BTC", "spot_volume_24h_usd") == (None,)
    assert leverage(warehouse, "29T13", "BTC", "spot_volume_24h_usd") == (24_000,)


# --- funding ------------------------------------------------------------------------------------


def test_funding_is_made_eight_hourly_and_weighted_by_open_interest_and_own_volume(
    warehouse,
) -> None:
    # binance 0.0001 (8 h), bybit -0.0001 x 2 (4 h), bitget 0.00001 x 8 (1 h), at 1000, 500 and 400
    # coins: (1000 x 0.0001 - 500 x 0.0002 + 400 x 0.00008) / 1900; by volume
    # (180 x 0.0001 - 90 x 0.0002) / 270 = 0.
    weighted = (1000 * 0.0001 - 500 * 0.0002 + 400 * 0.00008) / 1900
    assert row(
        warehouse,
        "funding_hourly",
        "29T14",
        "BTC",
        "oi_weighted_funding_8h, oi_weighted_apr, volume_weighted_funding_8h,"
        " lowest_funding_rate_8h, highest_funding_rate_8h, weighted_oi_usd,"
        " weighted_volume_24h_usd, venues, volume_venues",
    ) == (
        *(round(weighted, 10), round(weighted * 1095, 8), 0, -0.0002, 0.0001),
        *(171_000, 270_000, 3, 2),
    )


def test_basis_is_mark_over_index(warehouse) -> None:
    # 85,585.5 against 85,500.
    assert row(warehouse, "funding_hourly", "29T14", "BTC", "oi_weighted_basis") == (0.001,)


def test_a_mean_without_a_rate_of_the_day_is_incomplete(warehouse) -> None:
    counts = "instruments, is_incomplete"
    assert row(warehouse, "funding_hourly", "29T14", "SOL", counts) == (1, False)
    # At 17:00 binance's rate of 08:00 has ended, and no newer one has arrived.
    assert row(warehouse, "funding_hourly", "29T16", "SOL", counts) == (0, True)
    # ETH's open interest lacks bybit.
    assert row(warehouse, "funding_hourly", "29T14", "ETH", counts) == (0, True)


# --- prices -------------------------------------------------------------------------------------


PRICES = "close_usd, high_usd, low_usd, price_source"


def test_a_stale_single_price_never_beats_an_hour_of_bars(warehouse) -> None:
    # Bars 12 to 23 of 24: from 0.88 to 0.77.
    found = row(warehouse, "int_asset_prices_hourly", "29T14", "ADA", PRICES)
    assert found[:3] == pytest.approx((0.77, 0.89, 0.76))
    assert found[3] == "mark:bitget:ADAUSDT"


def test_one_price_has_no_range_and_a_mark_comes_before_an_index(warehouse) -> None:
    assert row(warehouse, "int_asset_prices_hourly", "29T14", "XRP", PRICES) == (
        *(2.1, None, None, "mark:okx:XRP-USDT-SWAP"),
    )
    assert row(warehouse, "int_price_windows_hourly", "29T14", "XRP", "range_usd, log_return") == (
        None,
        None,
    )


def test_a_return_is_of_one_series(warehouse) -> None:
    # Spot at 100 until 14:00, then bitget's mark: 101.77, an hour before 101.89.
    assert row(warehouse, "int_asset_prices_hourly", "29T13", "BTC", "close_usd, price_source") == (
        100,
        "spot:binance:BTCUSDT",
    )
    assert row(
        warehouse, "int_asset_prices_hourly", "29T14", "BTC", "price_source, day_before_close_usd"
    ) == ("mark:bitget:BTCUSDT", None)
    assert row(warehouse, "int_price_windows_hourly", "29T14", "BTC", "log_return")[
        0
    ] == pytest.approx(math.log(101.77 / 101.89))


# --- increments ---------------------------------------------------------------------------------


def test_increments_in_any_order_equal_a_full_build(
    full_build: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = make_home(tmp_path_factory.mktemp("increments"))
    with open_warehouse(home) as connection:
        for table in FACT_TABLES:
            connection.execute(f"create table marts.{table}_all as from marts.{table}")
            connection.execute(f"delete from marts.{table}")
    # Hours in random order, a third at a time: facts of an hour may arrive before its neighbours'.
    # The extra hour holds the observations that end the last one.
    shuffled = [*HOURS, HOURS[-1] + timedelta(hours=1)]
    random.Random(20260129).shuffle(shuffled)
    for start in range(0, len(shuffled), 26):
        part = shuffled[start : start + 26]
        with open_warehouse(home) as connection:
            for table in FACT_TABLES:
                connection.execute(
                    f"insert into marts.{table} from marts.{table}_all"
                    " where list_contains(?::timestamp[], hour_at)",
                    [part],
                )
        build(home, part)
    with duckdb.connect() as connection:
        for built, name in ((full_build, "whole"), (home, "increments")):
            connection.execute(f"attach '{built.warehouse_db}' as {name} (read_only)")
            connection.execute(f"attach '{built.staging_db}' as {name}_staging (read_only)")
        for suffix, table in (
            *(("", f"marts.{mart}") for mart in MARTS),
            *(("_staging", f"intermediate.{model}") for model in INTERMEDIATE),
        ):
            if table.endswith("int_asset_open_interest_hourly"):
                # A view.
                continue
            rows = [
                connection.execute(
                    f"select * from {name}{suffix}.{table} where hour_at between ? and ?"
                    " order by all",
                    [HOURS[0], HOURS[-1]],
                ).fetchall()
                for name in ("whole", "increments")
            ]
            assert rows[0], f"{table} is empty"
            assert rows[0] == rows[1], f"{table} differs"
