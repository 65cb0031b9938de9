"""The leverage marts, built by dbt over hand-made facts (leverage_facts.sql)."""

from __future__ import annotations

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

FACTS = Path(__file__).with_name("leverage_facts.sql").read_text()
LATE_FACTS = """
-- A market capitalisation and a funding rate came a day late.
update marts.fct_market_caps set available_at = timestamp '2026-01-30 09:00'
where base_asset = 'BTC' and observed_at = timestamp '2026-01-29 13:00:20';
update marts.fct_funding set available_at = timestamp '2026-01-30 09:00'
where venue = 'bybit' and is_settled;
"""
INTERMEDIATE = (
    "int_price_series_hourly",
    "int_asset_prices_hourly",
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
    "int_market_returns_hourly",
    "int_market_breadth_hourly",
    "int_expected_venues",
    "int_asset_coverage_hourly",
    "int_asset_coverage_windows",
    "int_instrument_liquidations_hourly",
    "int_venue_coverage_hourly",
    "int_hidden_liquidations_hourly",
    "int_hidden_liquidations_minutely",
)
VIEWS = ("int_stream_gaps", "int_partly_published_liquidations")
MARTS = (
    "venue_coverage_hourly",
    "liquidations_minutely",
    "liquidations_hourly",
    "exchange_breakdown",
    "liquidation_imbalance_hourly",
    "leverage_hourly",
    "funding_hourly",
    "liquidation_intensity_hourly",
    "market_heatmap",
    "market_heatmap_summary",
)
FACT_TABLES = (
    "warehouse.marts.fct_liquidations",
    "warehouse.marts.fct_open_interest",
    "warehouse.marts.fct_funding",
    "warehouse.marts.fct_prices",
    "warehouse.marts.fct_volumes",
    "warehouse.marts.fct_long_short_ratio",
    "warehouse.marts.fct_market_caps",
    "staging.ops.venue_hours",
)


def at(hour: str) -> datetime:
    """An hour as the warehouse stores it: naive UTC."""
    return datetime.fromisoformat(hour)


FIRST_HOUR = at("2025-10-20T00")
HOUR_OF_INTEREST = at("2026-01-29T14")
LAST_HOUR = at("2026-01-29T15")


def hours_between(first: datetime, last: datetime) -> list[datetime]:
    """Every hour from first to last, inclusive."""
    count = int((last - first) / timedelta(hours=1)) + 1
    return [first + timedelta(hours=number) for number in range(count)]


def open_warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    """Both database files, attached under dbt's names."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{home.warehouse_db}' as warehouse")
    connection.execute(f"attach '{home.staging_db}' as staging")
    connection.execute("use warehouse")
    return connection


def make_home(root: Path) -> Home:
    """A home with the facts of leverage_facts.sql and nothing built."""
    home = Home(root)
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(FACTS)
        seal_facts(connection)
        connection.execute(LATE_FACTS)
    return home


def plan(home: Home, spine: Iterable[datetime], pending: Iterable[datetime]) -> None:
    """Sets the spine and the hours to rebuild, as the refresh does before it runs dbt."""
    with staging_state(home) as connection:
        for table, hours in (("ops.hours", spine), ("ops.pending_hours", pending)):
            connection.execute(f"delete from {table}")
            connection.execute(f"insert into {table} select unnest(?::timestamp[])", [list(hours)])


@pytest.fixture(scope="module")
def full_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All hours built at once, with the models' data and unit tests."""
    home = make_home(tmp_path_factory.mktemp("full"))
    hours = hours_between(FIRST_HOUR, LAST_HOUR)
    plan(home, hours, hours)
    run_dbt(home, ["build", "--select", *VIEWS, *INTERMEDIATE, *MARTS])
    return home


@pytest.fixture
def warehouse(full_build: Home) -> Iterable[duckdb.DuckDBPyConnection]:
    with open_warehouse(full_build) as connection:
        yield connection


def row(
    warehouse: duckdb.DuckDBPyConnection, table: str, columns: str, **key: Any
) -> tuple[Any, ...] | None:
    """The one row of a mart with this key, in the hour of interest unless the key names another."""
    key = {"hour_at": HOUR_OF_INTEREST, **key}
    found = warehouse.execute(
        f"select {columns} from {table} where {' and '.join(f'{name} = ?' for name in key)}",
        list(key.values()),
    ).fetchall()
    assert len(found) <= 1, f"{table} has {len(found)} rows for {key}"
    return found[0] if found else None


# --- liquidations -------------------------------------------------------------------------------


def test_an_hour_sums_what_counts_and_neither_adl_nor_unknown_sides(warehouse) -> None:
    assert row(
        warehouse,
        "marts.liquidations_hourly",
        "long_usd, short_usd, total_usd, long_events, short_events, events, largest_usd,"
        " is_complete",
        venue="hyperliquid",
        base_asset="BTC",
    ) == (80_000_000, 0, 80_000_000, 1, 0, 1, 80_000_000, True)
    assert row(
        warehouse,
        "marts.liquidations_hourly",
        "long_usd, short_usd, total_usd, long_events, short_events, events, largest_usd",
        venue="binance",
        base_asset="BTC",
    ) == (150_000_000, 5_000_000, 155_000_000, 2, 1, 3, 100_000_000)


def test_an_asset_known_from_events_alone_is_in_totals_and_is_not_tracked(warehouse) -> None:
    hour = at("2026-01-10T12:00")
    assert row(
        warehouse, "marts.liquidations_hourly", "long_usd", hour_at=hour, base_asset="WRONGCOIN"
    ) == (1_000_000,)
    tracked = "staging.intermediate.int_tracked_assets_hourly"
    assert row(warehouse, tracked, "base_asset", hour_at=hour, base_asset="WRONGCOIN") is None
    assert row(warehouse, tracked, "base_asset", hour_at=hour, base_asset="DOGE") == ("DOGE",)


def test_a_minute_holds_the_events_from_its_start_to_its_last_millisecond(warehouse) -> None:
    minutes = warehouse.execute(
        "select strftime(minute_at, '%H:%M'), venue, total_usd, events"
        " from marts.liquidations_minutely where hour_at = ? order by all",
        [HOUR_OF_INTEREST],
    ).fetchall()
    assert minutes == [
        ("14:05", "binance", 150_000_000, 2),
        ("14:30", "binance", 5_000_000, 1),
        ("14:59", "hyperliquid", 80_000_000, 1),
    ]


def test_only_venues_that_publish_a_part_of_their_events_are_lower_bounds(warehouse) -> None:
    bounds = warehouse.execute(
        "select distinct venue, is_lower_bound from marts.liquidations_hourly order by all"
    ).fetchall()
    # bybit's throttle ended on 2025-02-20; its only event here is later, in a covered hour.
    assert bounds == [("binance", True), ("bybit", False), ("hyperliquid", False)]


# --- exchange_breakdown -------------------------------------------------------------------------


def test_the_breakdown_of_an_hour_gives_each_venue_its_share(warehouse) -> None:
    rows = warehouse.execute(
        "select venue, long_usd, short_usd, total_usd, share, long_share, events,"
        " is_lower_bound, is_incomplete, venues_reporting from marts.exchange_breakdown"
        " where hour_at = ? and window_hours = 1 and base_asset = 'ALL' order by venue",
        [HOUR_OF_INTEREST],
    ).fetchall()
    # bybit lists SUI and was not covered: its liquidations are unknown, so the sums are incomplete.
    assert rows == [
        ("ALL", 230_000_000, 5_000_000, 235_000_000, 1.0, 0.978723, 4, True, True, 2),
        ("binance", 150_000_000, 5_000_000, 155_000_000, 0.659574, 0.967742, 3, True, True, 2),
        ("bybit", None, None, None, None, None, None, True, True, 2),
        ("hyperliquid", 80_000_000, 0, 80_000_000, 0.340426, 1.0, 1, False, True, 2),
    ]


def test_a_complete_sum_beside_a_throttled_one_has_a_share_that_can_only_be_too_large(
    warehouse,
) -> None:
    rows = warehouse.execute(
        "select venue, share, share_is_upper_bound, is_lower_bound from marts.exchange_breakdown"
        " where hour_at = ? and window_hours = 1 and base_asset = 'BTC' order by venue",
        [HOUR_OF_INTEREST],
    ).fetchall()
    assert rows == [
        ("ALL", 1.0, False, True),
        ("binance", 0.659574, False, True),
        ("hyperliquid", 0.340426, True, False),
    ]


def test_an_assets_share_is_its_part_of_the_venue(warehouse) -> None:
    # hyperliquid's 90 million in four hours are 80 BTC and 10 ETH; all venues' 245 have 10 of ETH.
    columns = "total_usd, asset_share"
    table, window = "marts.exchange_breakdown", {"window_hours": 4}
    for key, expected in {
        ("hyperliquid", "BTC"): (80_000_000, 0.888889),
        ("hyperliquid", "ETH"): (10_000_000, 0.111111),
        ("hyperliquid", "ALL"): (90_000_000, 1.0),
        ("ALL", "ETH"): (10_000_000, 0.040816),
    }.items():
        venue, asset = key
        assert row(warehouse, table, columns, venue=venue, base_asset=asset, **window) == expected


def test_a_venue_without_events_is_a_zero_where_every_hour_was_covered(warehouse) -> None:
    columns = "total_usd, share, long_share, events, is_lower_bound, complete_hours"
    key = {"base_asset": "ALL", "venue": "binance"}
    table = "marts.exchange_breakdown"
    assert row(warehouse, table, columns, window_hours=1, hour_at=LAST_HOUR, **key) == (
        *(0, None, None, 0, True, 1),
    )
    # bybit was covered in only one of the 24 hours.
    key["venue"] = "bybit"
    assert row(warehouse, table, columns, window_hours=24, **key) == (
        *(None, None, None, None, True, 1),
    )


def test_an_asset_has_rows_for_venues_that_liquidated_it_and_for_uncovered_ones(warehouse) -> None:
    rows = warehouse.execute(
        "select venue, total_usd, share, is_lower_bound, window_start_at, window_end_at, as_of_at"
        " from marts.exchange_breakdown"
        " where hour_at = ? and window_hours = 4 and base_asset = 'ETH' order by venue",
        [HOUR_OF_INTEREST],
    ).fetchall()
    times = (at("2026-01-29T11"), at("2026-01-29T15"), at("2026-01-29T15"))
    # binance missed 12:00, so the sum over venues may be incomplete.
    assert rows == [
        ("ALL", 10_000_000, 1.0, True, *times),
        ("binance", None, None, True, *times),
        ("hyperliquid", 10_000_000, 1.0, False, *times),
    ]


def test_as_of_tables_keep_ninety_days(warehouse) -> None:
    kept = "select min(hour_at), max(hour_at) from marts."
    # 90 days before the last hour, 2026-01-29 15:00, is 2025-10-31 15:00.
    assert warehouse.execute(kept + "exchange_breakdown").fetchone() == (
        at("2025-10-31T16"),
        LAST_HOUR,
    )
    assert warehouse.execute(kept + "liquidations_hourly").fetchone() == (
        at("2025-10-21T03"),
        HOUR_OF_INTEREST,
    )


# --- tracked assets and prices ------------------------------------------------------------------


def test_an_asset_is_tracked_for_the_720_hours_that_begin_with_its_event(warehouse) -> None:
    hours = warehouse.execute(
        "select min(hour_at), max(hour_at), count(*)"
        " from staging.intermediate.int_tracked_assets_hourly where base_asset = 'DOGE'"
    ).fetchone()
    assert hours == (at("2025-12-30T15"), HOUR_OF_INTEREST, 720)


def test_an_asset_with_open_interest_alone_is_tracked_for_a_day(warehouse) -> None:
    hours = warehouse.execute(
        "select min(hour_at), max(hour_at)"
        " from staging.intermediate.int_tracked_assets_hourly where base_asset = 'SUI'"
    ).fetchone()
    assert hours == (HOUR_OF_INTEREST, LAST_HOUR)


PRICE_COLUMNS = "open_usd, high_usd, low_usd, close_usd, volume_usd, price_source"


def test_spot_of_the_first_venue_prices_an_asset_and_binance_spot_gives_its_volume(
    warehouse,
) -> None:
    assert row(
        warehouse,
        "staging.intermediate.int_asset_prices_hourly",
        PRICE_COLUMNS,
        base_asset="BTC",
    ) == (86_000, 91_000, 84_000, 85_500, 1_000_000_000, "spot:binance:BTCUSDT")


def test_the_mark_prices_an_asset_without_bars_and_one_point_has_no_range(warehouse) -> None:
    assert row(
        warehouse,
        "staging.intermediate.int_asset_prices_hourly",
        PRICE_COLUMNS,
        base_asset="ETH",
    ) == (2_801, None, None, 2_801, None, "mark:okx:ETH-USDT-SWAP")


def test_a_fifty_minute_old_price_is_not_a_close_and_a_later_bar_not_a_price(warehouse) -> None:
    assert row(
        warehouse,
        "staging.intermediate.int_asset_prices_hourly",
        PRICE_COLUMNS,
        base_asset="DOGE",
    ) == (0.11, None, None, None, None, "mark:hyperliquid:DOGE")


# --- imbalance ----------------------------------------------------------------------------------


def test_imbalance_of_230_long_and_5_short(warehouse) -> None:
    # (230 - 5) / 235 and 230 / 235.
    assert row(
        warehouse,
        "marts.liquidation_imbalance_hourly",
        "long_1h_usd, short_1h_usd, imbalance_1h, long_dominance_1h, is_lower_bound_1h",
        base_asset="BTC",
    ) == (230_000_000, 5_000_000, 0.957447, 0.978723, True)


def test_events_of_two_quarters_of_an_hour_are_worth_one(warehouse) -> None:
    # Nine longs from 13:01 to 13:09, a short at 13:40. By quarter-hour 9 of 9 and 0 of 1:
    # sum((x - 0.9 m)^2) = 1.62, design effect 2 x 0.0162 / (0.09 / 9) = 3.24, 10 / 3.24 = 3.0864;
    # with t = 6.3138 at one degree of freedom that is less than one event.
    # Wilson of 0.9 with n = 1, z = 1.6448536: (0.9 + z2/2 -+ z sqrt(0.09 + z2/4)) / (1 + z2).
    assert row(
        warehouse,
        "marts.liquidation_imbalance_hourly",
        "long_1h_events, short_1h_events, long_1h_event_share, effective_1h_events,"
        " long_1h_event_share_low, long_1h_event_share_high",
        base_asset="ETH",
        hour_at=at("2026-01-29T13"),
    ) == (9, 1, 0.9, 1.0, 0.21935, 0.996543)


def test_no_events_are_zero_where_all_venues_were_covered_and_null_where_one_was_not(
    warehouse,
) -> None:
    columns = "long_1h_usd, long_1h_events, imbalance_1h, long_1h_event_share_low, is_incomplete_1h"
    table = "marts.liquidation_imbalance_hourly"
    assert row(warehouse, table, columns, base_asset="DOGE") == (0, 0, None, None, False)
    for not_landed in (at("2026-01-20T00"), at("2026-01-29T12")):
        assert row(warehouse, table, columns, base_asset="DOGE", hour_at=not_landed) == (
            *(None, None, None, None, True),
        )


def test_the_day_of_all_assets_adds_the_hours(warehouse) -> None:
    # 230 + 9 long, 5 + 1 short. bybit, which lists SUI, was covered in one of the 24 hours; at
    # 05:00 the others were covered too.
    assert row(
        warehouse,
        "marts.liquidation_imbalance_hourly",
        "long_24h_usd, short_24h_usd, long_24h_events, short_24h_events,"
        " complete_hours_24h, is_incomplete_24h, is_lower_bound_24h",
        base_asset="ALL",
    ) == (239_000_000, 6_000_000, 12, 2, 1, True, True)


# --- leverage, funding, intensity ---------------------------------------------------------------


def test_leverage_uses_open_interest_at_the_hours_end(warehouse) -> None:
    # binance 7 billion and bybit 3; hyperliquid's last figure is 30 minutes old, so it is missing.
    assert row(
        warehouse,
        "marts.leverage_hourly",
        "oi_usd, oi_end_venues, is_lower_bound, market_cap_usd, volume_24h_usd,"
        " spot_volume_24h_usd",
        base_asset="BTC",
    ) == (10e9, 2, True, 1710e9, None, 24e9)


def test_ratios_are_of_a_series_that_does_not_jump(warehouse) -> None:
    # hyperliquid enters with its 48,000 coins of 14:03 at (7 + 3) billion / 120,000: 4 billion.
    # bybit's 6 billion, first reported at 14:00 next to 14 of others, are in with only 1/720.
    linked = 14e9 * (14 / 20) ** (719 / 720)
    assert row(
        warehouse,
        "marts.leverage_hourly",
        "oi_to_market_cap, market_volume_24h_to_oi",
        base_asset="BTC",
    ) == (round(linked / 1710e9, 8), round(60e9 / linked, 6))


def test_account_ratio_is_the_mean_share_of_long_accounts_by_open_interest(warehouse) -> None:
    # Shares 2/3 (7 billion) and 1/3 (3 billion) make 17/30, a ratio of 17/13.
    assert row(
        warehouse,
        "marts.leverage_hourly",
        "long_short_account_ratio, long_short_account_venues",
        base_asset="BTC",
    ) == (1.307692, 2)


def test_an_asset_without_open_interest_has_null_not_zero(warehouse) -> None:
    assert row(
        warehouse,
        "marts.leverage_hourly",
        "oi_usd, oi_end_venues, oi_to_market_cap",
        base_asset="DOGE",
    ) == (None, 0, None)


def test_funding_is_made_eight_hourly_and_weighted(warehouse) -> None:
    # Of 8 hours: binance 0.0001 (8 h), bybit -0.0001 x 2 (4 h), hyperliquid 0.00001 x 8 (1 h).
    # (7 x 0.0001 - 3 x 0.0002 + 2.5 x 0.00008) / 12.5 = 0.000024; x 3 x 365 = 0.02628.
    # No contract has a volume here; spot does not count as a weight.
    assert row(
        warehouse,
        "marts.funding_hourly",
        "oi_weighted_funding_8h, oi_weighted_apr, volume_weighted_funding_8h,"
        " lowest_funding_rate_8h, highest_funding_rate_8h, weighted_oi_usd, venues, instruments",
        base_asset="BTC",
    ) == (0.000024, 0.02628, None, -0.0002, 0.0001, 12.5e9, 3, 3)


def test_basis_is_mark_over_index(warehouse) -> None:
    # 85,585.5 against 85,500.
    assert row(warehouse, "marts.funding_hourly", "oi_weighted_basis", base_asset="BTC") == (0.001,)


def test_a_funding_rate_is_valid_until_its_interval_ends(warehouse) -> None:
    # binance's rate of 08:00 and bybit's of 12:00 end at 16:00; hyperliquid's of 14:00 has ended.
    assert row(
        warehouse, "marts.funding_hourly", "instruments", base_asset="BTC", hour_at=LAST_HOUR
    ) == (2,)


def test_intensity_divides_by_the_open_interest_before_the_event(warehouse) -> None:
    # binance 10 billion at 13:50, hyperliquid 4 billion at 14:03 (13:40 is too old); bybit's 6
    # billion are left out, as it was not covered. 1e4 x 230 / 14,000.
    assert row(
        warehouse,
        "marts.liquidation_intensity_hourly",
        "matched_long_1h_usd, matched_oi_start_1h_usd, matched_venues_1h, long_intensity_1h_bp",
        base_asset="BTC",
    ) == (230_000_000, 14e9, 2, 164.285714)


def test_a_day_of_intensity_needs_every_hour_covered_in_full(warehouse) -> None:
    # binance missed an hour. hyperliquid: 1e4 x 80 million / 5 billion at 14:55 on the day before.
    assert row(
        warehouse,
        "marts.liquidation_intensity_hourly",
        "long_24h_usd, matched_long_24h_usd, matched_oi_start_24h_usd, matched_venues_24h,"
        " long_intensity_24h_bp",
        base_asset="BTC",
    ) == (230_000_000, 80_000_000, 5e9, 1, 160.0)


def test_liquidations_over_market_cap_and_volume(warehouse) -> None:
    # 1e4 x 230 million over 1.72 trillion (13:00), 1.8 trillion (a day before), and over spot of 1
    # and 24 billion.
    assert row(
        warehouse,
        "marts.liquidation_intensity_hourly",
        "long_1h_to_market_cap_bp, long_24h_to_market_cap_bp, long_1h_to_volume_bp,"
        " long_24h_to_volume_bp",
        base_asset="BTC",
    ) == (1.337209, 1.277778, 2300.0, 95.833333)


# --- market heatmap -----------------------------------------------------------------------------


def test_heatmap_returns_come_from_prices_before_the_sources_own_change(warehouse) -> None:
    columns = "market_cap_usd, return_24h, return_source, rank, tier_rank, tier"
    table = "marts.market_heatmap"
    # 85,500 / 90,000 - 1.
    assert row(warehouse, table, columns, base_asset="BTC") == (
        *(1710e9, -0.05, "prices", 1, 1, "large"),
    )
    assert row(warehouse, table, columns, base_asset="ETH") == (
        *(344e9, -0.06, "market_caps", 2, 2, "large"),
    )
    assert row(warehouse, table, columns, base_asset="M11") == (
        *(10e9, -0.08, "market_caps", 11, 10, "large"),
    )
    assert row(warehouse, table, columns, base_asset="M12") == (
        *(10e9, -0.06, "market_caps", 12, 11, "mid"),
    )


def test_stablecoins_have_a_rank_and_no_tier(warehouse) -> None:
    # Third by market capitalisation; tier ranks skip it without a gap.
    assert row(
        warehouse,
        "marts.market_heatmap",
        "rank, tier_rank, tier, is_stablecoin",
        base_asset="USDT",
    ) == (3, None, None, True)
    assert warehouse.execute(
        "select count(*) from marts.market_heatmap where is_stablecoin <> (tier is null)"
    ).fetchone() == (0,)


def test_an_hour_later_the_sources_change_is_no_longer_used(warehouse) -> None:
    assert row(
        warehouse,
        "marts.market_heatmap",
        "market_cap_usd, return_24h, return_source, sector",
        base_asset="USDT",
        hour_at=LAST_HOUR,
    ) == (200e9, None, None, "stablecoin")


def test_market_caps_are_known_for_24_hours(warehouse) -> None:
    last = warehouse.execute(
        "select min(hour_at), max(hour_at) from marts.market_heatmap"
        " where base_asset = 'ETH' and market_cap_observed_at = '2026-01-28 14:00:20'"
    ).fetchone()
    assert last == (at("2026-01-28T14"), at("2026-01-29T13"))


def test_breadth_leaves_stablecoins_out(warehouse) -> None:
    # 10 of 11 assets red; 2374 of 2424 billion. Medians: large (six of -4% between -8, -6, -5 and
    # 1%) -4%, mid (one asset) -6%.
    assert row(
        warehouse,
        "marts.market_heatmap_summary",
        "assets, red_by_count_share, red_by_cap_share, large_median_return_24h,"
        " mid_median_return_24h, mid_minus_large_return_24h, btc_return_24h",
    ) == (11, 0.909091, 0.979373, -0.04, -0.06, -0.02, -0.05)


def test_defensive_rotation_is_the_days_change_of_btc_and_stablecoin_weight(warehouse) -> None:
    # (1710 + 200) / 2624 - (1800 + 200) / 2750.
    assert row(
        warehouse,
        "marts.market_heatmap_summary",
        "btc_cap_share, stablecoin_cap_share, defensive_rotation",
    ) == (0.651677, 0.07622, 0.000624)


def test_30_day_figures_are_unknown_after_four_days(warehouse) -> None:
    # Counts of days are known: BTC rose on two of four.
    assert row(
        warehouse,
        "marts.market_heatmap_summary",
        "days_30d, up_days_30d, upside_capture_30d, mean_red_by_count_share_30d,"
        " mean_red_by_cap_share_30d, mean_mid_minus_large_return_30d",
    ) == (4, 2, None, None, None, None)


# --- when a row was available ------------------------------------------------------------------

LATE = at("2026-01-30T09")


@pytest.mark.parametrize(
    ("mart", "base_asset", "hour_at", "available_at"),
    [
        # The capitalisation of 13:00 is replaced by that of 14:00.
        ("leverage_hourly", "BTC", "2026-01-29T13", LATE),
        ("leverage_hourly", "ALL", "2026-01-29T13", LATE),
        ("leverage_hourly", "BTC", "2026-01-29T14", at("2026-01-29T15:00:30")),
        # ETH is ranked among the others.
        ("market_heatmap", "ETH", "2026-01-29T13", LATE),
        ("market_heatmap", "ETH", "2026-01-29T14", at("2026-01-29T15:00:30")),
        # It divides by the capitalisation of the hour before.
        ("liquidation_intensity_hourly", "BTC", "2026-01-29T14", LATE),
        ("liquidation_intensity_hourly", "BTC", "2026-01-29T15", at("2026-01-29T16:00:30")),
        # At 11:00 Binance's rate of 08:00 is the latest one.
        ("funding_hourly", "BTC", "2026-01-29T11", at("2026-01-29T09:00:30")),
        ("funding_hourly", "BTC", "2026-01-29T12", LATE),
    ],
)
def test_a_row_is_as_late_as_the_latest_that_it_reads(
    warehouse: duckdb.DuckDBPyConnection,
    mart: str,
    base_asset: str,
    hour_at: str,
    available_at: datetime,
) -> None:
    key = {"base_asset": base_asset, "hour_at": at(hour_at)}
    assert row(warehouse, f"marts.{mart}", "available_at", **key) == (available_at,)


# --- increments ---------------------------------------------------------------------------------


def test_increments_with_late_hours_equal_a_full_build(
    full_build: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = make_home(tmp_path_factory.mktemp("increments"))
    # One late hour affects the last one across 719 hours (DOGE), the others across a day.
    late = [
        at("2025-12-30T15"),
        at("2026-01-28T14"),
        at("2026-01-29T05"),
        at("2026-01-29T13"),
    ]
    with open_warehouse(home) as connection:
        for table in FACT_TABLES:
            connection.execute(
                f"create table {table}_late as select * from {table}"
                " where list_contains(?::timestamp[], hour_at)",
                [late],
            )
            connection.execute(
                f"delete from {table} where list_contains(?::timestamp[], hour_at)", [late]
            )

    def build(spine_end: datetime, pending: list[datetime]) -> None:
        plan(home, hours_between(FIRST_HOUR, spine_end), pending)
        run_dbt(home, ["run", "--select", *VIEWS, *INTERMEDIATE, *MARTS])

    noon = at("2026-01-29T12")
    build(noon, hours_between(FIRST_HOUR, noon))
    build(HOUR_OF_INTEREST, hours_between(at("2026-01-29T13"), HOUR_OF_INTEREST))
    build(LAST_HOUR, [LAST_HOUR])
    with open_warehouse(home) as connection:
        for table in FACT_TABLES:
            connection.execute(f"insert into {table} select * from {table}_late")
    build(LAST_HOUR, late)

    with duckdb.connect() as connection:
        for built, name in ((full_build, "whole"), (home, "increments")):
            connection.execute(f"attach '{built.warehouse_db}' as {name} (read_only)")
            connection.execute(f"attach '{built.staging_db}' as {name}_staging (read_only)")
        tables = [
            *(("", f"marts.{mart}") for mart in MARTS),
            *(
                ("_staging", f"intermediate.{model}")
                for model in INTERMEDIATE
                if model not in ("int_market_returns_hourly", "int_asset_open_interest_hourly")
            ),
        ]
        for suffix, table in tables:
            rows = [
                connection.execute(f"select * from {name}{suffix}.{table} order by all").fetchall()
                for name in ("whole", "increments")
            ]
            assert rows[0], f"{table} is empty"
            assert rows[0] == rows[1], f"{table} differs"
