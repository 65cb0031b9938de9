"""The liquidation map, its inventory, its outcomes and the stress score's mass below spot, over
hand-made upstream tables.

`h` counts hours from FIRST_HOUR, the first hour of a UTC day. Each asset is for one test.

flat      100 coins open in hour 1 at 100, and 50 more in hour 2; nothing else happens
touched   100 coins open in hour 1 at 100; in hour 3 the price falls to 95 and comes back
closed    100 coins open in hour 1 at 100; a tenth of the 1,000 is closed in hour 3, of which longs
          of 40 coins by liquidation
profile   in hour 1 the price trades from 100 to 101 in two bars, of 300 and 100 dollars
aged      100 coins open in hour 1 and nothing else does, for 30 days and longer
dips      100 coins open in hour 562 at 100; a twentieth of the 1,000 is closed in hour 564; the
          price is 98.5 in hour 565, 98 in 566 after a low of 97, 95 from 567 to 577, then 100 again
dark      no open interest is known, only prices
noise     everything derived from a hash of the hour; the liquidations of hour 30 were sealed 700
          hours after the first hour only, all else within 65 minutes of its hour's start
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from unwind.settings import Home
from unwind.warehouse import map_scores
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.models import variables
from unwind.warehouse.pending_hours import has_a_days_end
from unwind.warehouse.skipped import DAY_ENDS
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HOURS = 768
LATE = 600

MODELS = (
    "int_liquidation_price_ratios",
    "int_position_flows_hourly",
    "int_position_entries_hourly",
    "int_liquidation_levels_daily",
    "int_liquidation_map_outcomes_daily",
    "int_liquidation_map_trail",
    "int_liquidation_map_scores_daily",
    "liquidation_map_scorecard",
    "liquidation_map",
    "int_mass_below_spot_hourly",
)
UNTESTED = ("--resource-type=model", "--resource-type=seed")
COMPARED = (
    "staging.intermediate.int_position_flows_hourly",
    "staging.intermediate.int_position_entries_hourly",
    "staging.intermediate.int_liquidation_levels_daily",
    "staging.intermediate.int_liquidation_map_outcomes_daily",
    "marts.liquidation_map_scorecard",
    "marts.liquidation_map",
    "staging.intermediate.int_mass_below_spot_hourly",
)

# The map's upstream, one statement per table. {visible} filters the hours.
UPSTREAM = """
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create or replace temp table grid as
select
    h::integer as h,
    timestamp '2026-01-01' + to_hours(h::integer) as hour_at,
    base_asset,
    (hash(h * 7 + 1) % 1000)::integer as noise_1,
    (hash(h * 7 + 2) % 1000)::integer as noise_2,
from range(768) as hours(h)
cross join (
    select unnest(
        ['flat', 'touched', 'closed', 'profile', 'aged', 'noise', 'dips', 'dark']
    ) as base_asset
);

create or replace table staging.intermediate.int_tracked_assets_hourly as
select hour_at, base_asset, hour_at + interval 61 minute as available_at
from grid where {visible};

create or replace temp table prices as
select
    *,
    case
        when base_asset = 'noise' then 100 + noise_1 / 200.0
        when base_asset = 'dips' and h between 565 and 577
            then case h when 565 then 98.5 when 566 then 98 else 95 end
        else 100
    end::double as close_usd,
    case
        when base_asset = 'touched' and h = 3 then 95
        when base_asset = 'dips' and h = 566 then 97
        when base_asset = 'dips' and h between 565 and 577 then close_usd
        when base_asset = 'noise' then 99 + noise_1 / 200.0 - noise_2 / 300.0
        else 100
    end::double as low_usd,
    case
        when base_asset = 'profile' and h = 1 then 101
        when base_asset = 'noise' then 101 + noise_1 / 200.0 + noise_2 / 300.0
        else 100
    end::double as high_usd,
from grid
where {visible};

create or replace table staging.intermediate.int_price_series_hourly as
select
    hour_at, 'binance' as venue, base_asset || 'USDT' as instrument, base_asset,
    'USDT' as quote_asset, price_kind, 300 as bar_seconds, close_usd as open_usd, high_usd,
    low_usd, close_usd, hour_at + interval 1 hour as close_at, true as is_fresh,
    if(price_kind = 'last', 400, null)::double as volume_usd, 3600 as covered_seconds,
    true as has_range, true as is_best_bars, hour_at + interval 65 minute as available_at
from prices
cross join (values ('mark'), ('last')) as kinds(price_kind)
where price_kind = 'mark' or base_asset in ('profile', 'noise');

create or replace table warehouse.marts.fct_prices as
select
    hour_at, 'binance' as venue, base_asset || 'USDT' as instrument, base_asset,
    'last' as price_kind, hour_at + place * interval 5 minute as observed_at,
    hour_at + (place + 1) * interval 5 minute as close_at, 300 as bar_seconds,
    low_usd as open_usd,
    if(base_asset = 'profile' and h = 1 and place = 1, 100.5, high_usd) as high_usd,
    if(base_asset = 'profile' and h = 1 and place = 0, 100.5, low_usd) as low_usd,
    if(base_asset = 'profile' and h = 1 and place = 0, 100.5, low_usd) as close_usd,
    if(place = 0, 300, 100)::double as volume_usd, 1::double as volume_base
from prices
cross join (values (0), (1)) as bars(place)
where base_asset in ('profile', 'noise');

update warehouse.marts.fct_prices set open_usd = low_usd;

create or replace table staging.intermediate.int_instrument_open_interest_hourly as
with ends as (
    select
        *,
        case
            when base_asset = 'noise' then (noise_1 - noise_2) * 10
            when base_asset = 'flat' and h = 2 then 50
            when base_asset = 'closed' and h = 3 then -100
            when base_asset = 'closed' and h = 1 then 100
            when base_asset = 'dips' then case h when 562 then 100 when 564 then -50 else 0 end
            when h = 1 then 100
            else 0
        end as change_base,
    from grid
)
select
    hour_at, 'binance' as venue, base_asset || 'USDT' as instrument, base_asset,
    if(base_asset = 'closed' and h < 3, 900, if(base_asset = 'noise', 20000, 1000))::double
        as oi_start_base,
    if(base_asset = 'closed' and h < 3, 900, if(base_asset = 'noise', 20000, 1000))::double
        + change_base as oi_end_base,
    null::double as oi_start_usd,
    100 * (
        if(base_asset = 'closed' and h < 3, 900, if(base_asset = 'noise', 20000, 1000))::double
        + change_base
    ) as oi_end_usd,
    hour_at + interval 62 minute as available_at,
from ends
where base_asset != 'dark' and {visible};

create or replace table staging.intermediate.int_asset_derivative_volumes_hourly as
select
    hour_at, base_asset, case when base_asset = 'closed' and h = 600 then 0 else 50000 end::double
        as volume_24h_usd,
    hour_at + interval 61 minute as available_at,
from grid
where base_asset != 'profile' and {visible};

create or replace table staging.intermediate.int_instrument_liquidations_hourly as
select
    hour_at, 'binance' as venue, base_asset || 'USDT' as instrument, base_asset,
    if(base_asset = 'closed', 4000, noise_1 * 100)::decimal(38, 4) as long_usd,
    if(base_asset = 'closed', 0, noise_2 * 100)::decimal(38, 4) as short_usd,
    if(h = 30, timestamp '2026-01-01' + to_hours(700), hour_at + interval 63 minute)
        as available_at,
from grid
where (base_asset = 'closed' and h = 3 or base_asset = 'noise' and h % 3 = 0) and {visible};

create or replace table staging.intermediate.int_liquidations_by_bucket as
select
    hour_at, base_asset, price_kind,
    floor(ln(98 + noise_1 / 200.0) / ln(1.0025))::integer + place as price_bucket,
    (noise_2 * 1000)::decimal(38, 4) as long_usd,
    (noise_1 * 1000)::decimal(38, 4) as short_usd,
    hour_at + interval 64 minute as available_at,
from grid
cross join (values (-1), (0), (1), (3)) as places(place)
cross join (values ('fill_avg'), ('bankruptcy')) as kinds(price_kind)
where base_asset = 'noise' and {visible};
"""

# ln(100) / ln(1.0025) = 1844.38: entries at 100 are in bucket 1844, whose middle is 100.0324.
AT_100 = 1844


def middle(bucket: int) -> float:
    return float(1.0025 ** (bucket + 0.5))


def hour(h: int) -> datetime:
    """An hour by its number."""
    return FIRST_HOUR + timedelta(hours=h)


def open_warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    """Both files, read-write, as a build sees them."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{home.staging_db}' as staging")
    connection.execute(f"attach '{home.warehouse_db}' as warehouse")
    connection.execute("use warehouse")
    return connection


def land(home: Home, visible: str) -> None:
    """Makes the upstream tables from the hours that `visible` selects."""
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(UPSTREAM.replace("{visible}", visible))


def build(home: Home, spine: int, pending: Iterable[int]) -> None:
    """Builds the models of the pending hours on a spine of so many hours."""
    with open_warehouse(home) as connection:
        connection.execute("delete from staging.ops.hours")
        connection.execute("delete from staging.ops.pending_hours")
        for table, hours in (("hours", range(spine)), ("pending_hours", pending)):
            connection.execute(
                f"insert into staging.ops.{table} select unnest(?::timestamp[])",
                [[hour(h) for h in hours]],
            )
    # As a refresh does: without a day's end, what has only these is left as it is.
    with staging_state(home) as state:
        skipped = () if has_a_days_end(state) else ("--exclude", DAY_ENDS)
    seeds = ("leverage_mix", "leverage_mix_draws", "maintenance_margin_tiers")
    run_dbt(home, ["build", *UNTESTED, "--select", *seeds, *MODELS, *skipped])


@pytest.fixture(scope="module")
def full_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All hours, built at once."""
    home = Home(tmp_path_factory.mktemp("full"))
    land(home, "true")
    build(home, HOURS, range(HOURS))
    return home


@pytest.fixture(scope="module")
def warehouse(full_build: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the full build."""
    with open_warehouse(full_build) as connection:
        yield connection


def levels(
    warehouse: duckdb.DuckDBPyConnection, base_asset: str, h: int, side: str
) -> dict[int, tuple[float, ...]]:
    """Coins of each bucket by leverage (5, 10, 25, 50, 100), from the map's own columns."""
    rows = warehouse.execute(
        "select price_bucket, mass_5x_usd, mass_10x_usd, mass_25x_usd, mass_50x_usd, mass_100x_usd"
        " from marts.liquidation_map"
        " where base_asset = ? and hour_at = ? and liquidated_side = ? order by 1",
        [base_asset, hour(h), side],
    ).fetchall()
    return {row[0]: tuple(round(usd / middle(row[0]), 4) for usd in row[1:]) for row in rows}


def test_what_the_order_of_sums_leaves_of_equal_ones_is_no_figure() -> None:
    left = (0.1 + 0.2) - 0.3  # 5.6e-17
    values = np.array([left, -left, 0.1 + left, 123_456.789012, math.nan])
    found = map_scores.rounded(values)
    assert [*found[:3]] == [0.0, 0.0, 0.1]
    assert found[3] == pytest.approx(123_456.79, abs=1e-9)
    assert math.copysign(1, found[1]) == 1
    assert math.isnan(found[4])


def test_the_documented_check_values_of_liquidation_prices(warehouse) -> None:
    # EP 100,000, rate 0.4%, no deduction: (1 - 1/10) / 0.996 and so on.
    found = warehouse.execute(
        "select leverage, liquidated_side, round(100000 * price_ratio, 1)"
        " from staging.intermediate.int_liquidation_price_ratios"
        " where venue = 'binance' and base_asset = 'BTC' and leverage in (10, 25, 100)"
        " order by all"
    ).fetchall()
    assert found == [
        (10, "long", 90361.4),
        (10, "short", 109561.8),
        (25, "long", 96385.5),
        (25, "short", 103585.7),
        (100, "long", 99397.6),
        (100, "short", 100597.6),
    ]


def test_a_deduction_moves_the_level_away_from_the_entry(warehouse) -> None:
    # Other assets of Binance, at 10,000 dollars: 2% less 25 dollars, 25x at the most. A long at
    # 10x: (0.9 - 0.0025) / 0.98 = 0.915816; a short (1.1 + 0.0025) / 1.02 = 1.080882.
    found = warehouse.execute(
        "select leverage, liquidated_side, effective_leverage, round(price_ratio, 6)"
        " from staging.intermediate.int_liquidation_price_ratios"
        " where venue = 'binance' and base_asset = '*' and leverage in (10, 100) order by all"
    ).fetchall()
    assert found == [
        (10, "long", 10, 0.915816),
        (10, "short", 10, 1.080882),
        (100, "long", 25, 0.977041),
        (100, "short", 25, 1.022059),
    ]


def test_a_venue_without_tiers_has_the_default_ones(warehouse) -> None:
    assert warehouse.execute(
        "select distinct tier_source, base_asset, maintenance_margin_rate"
        " from staging.intermediate.int_liquidation_price_ratios"
        " where venue in ('gate', 'deribit') order by all"
    ).fetchall() == [("default", "*", 0.01), ("default", "BTC", 0.005), ("default", "ETH", 0.005)]


def test_maintenance_margin_is_continuous_from_tier_to_tier(warehouse) -> None:
    broken = warehouse.execute(
        """
        with edges as (
            select
                *,
                lag(maintenance_margin_rate) over tiers as former_rate,
                lag(deduction_usd) over tiers as former_deduction_usd,
                lag(tier) over tiers as former_tier
            from staging.seeds.maintenance_margin_tiers
            window tiers as (partition by venue, base_asset order by notional_from_usd)
        )
        select venue, base_asset, tier from edges
        where coalesce(former_tier, 0) != tier - 1
            or tier = 1 and (notional_from_usd != 0 or deduction_usd != 0)
            or tier > 1 and abs(
                notional_from_usd * (maintenance_margin_rate - former_rate)
                - (deduction_usd - former_deduction_usd)
            ) > 0.01
        """
    ).fetchall()
    assert broken == []


def test_what_opens_has_a_long_and_a_short_at_every_leverage(warehouse) -> None:
    # 150 coins at 100. Buckets from that of the entry, floor(0.5 + ln(ratio) / ln(1.0025)): longs
    # 0.8138 -83, 0.9158 -35, 0.9770 -9 (25x and above), shorts 1.1789 66, 1.0809 31, 1.0221 9.
    assert levels(warehouse, "flat", 2, "long") == {
        AT_100 - 83: (150, 0, 0, 0, 0),
        AT_100 - 35: (0, 150, 0, 0, 0),
        AT_100 - 9: (0, 0, 150, 150, 150),
    }
    assert levels(warehouse, "flat", 2, "short") == {
        AT_100 + 9: (0, 0, 150, 150, 150),
        AT_100 + 31: (0, 150, 0, 0, 0),
        AT_100 + 66: (150, 0, 0, 0, 0),
    }
    assert levels(warehouse, "flat", 1, "long")[AT_100 - 9] == (0, 0, 100, 100, 100)
    assert levels(warehouse, "flat", 0, "long") == {}


def test_the_mix_weighs_the_leverages(warehouse) -> None:
    # 25x, 50x and 100x are 0.25 + 0.20 + 0.10 of the mix: 150 coins x 0.55 at the bucket's middle.
    usd = 150 * middle(AT_100 - 9)
    found = warehouse.execute(
        "select mass_usd, fixed_mass_usd, side_share, distance_percent, mix_variant"
        " from marts.liquidation_map where base_asset = 'flat' and hour_at = ?"
        " and liquidated_side = 'long' and price_bucket = ?",
        [hour(2), AT_100 - 9],
    ).fetchone()
    total = 150 * sum(
        share * middle(AT_100 - distance) for share, distance in ((0.15, 83), (0.30, 35), (0.55, 9))
    )
    assert found == (
        pytest.approx(0.55 * usd, abs=1e-3),
        pytest.approx(0.55 * usd, abs=1e-3),
        pytest.approx(0.55 * usd / total, abs=1e-7),
        pytest.approx(middle(AT_100 - 9) - 100, abs=1e-5),
        "fixed",
    )


def test_bands_are_quantiles_of_the_drawn_mixes(warehouse) -> None:
    drawn = sorted(
        row[0]
        for row in warehouse.execute(
            "select sum(weight) from staging.seeds.leverage_mix_draws"
            " where leverage >= 25 group by draw"
        ).fetchall()
    )
    usd = 150 * middle(AT_100 - 9)
    found = warehouse.execute(
        "select mass_low_usd, mass_mid_usd, mass_high_usd from marts.liquidation_map"
        " where base_asset = 'flat' and hour_at = ? and liquidated_side = 'long'"
        " and price_bucket = ?",
        [hour(2), AT_100 - 9],
    ).fetchone()
    # The 10th, 50th and 90th of 99.
    assert found == tuple(pytest.approx(usd * drawn[place], rel=1e-6) for place in (9, 49, 89))


def test_a_level_that_the_price_touches_is_gone(warehouse) -> None:
    # 95 in hour 3 touches the longs at 25x and more (97.8), not those at 10x (91.7), and no shorts.
    assert levels(warehouse, "touched", 2, "long")[AT_100 - 9] == (0, 0, 100, 100, 100)
    for h in (3, 4, 30):
        assert list(levels(warehouse, "touched", h, "long")) == [AT_100 - 83, AT_100 - 35]
        assert len(levels(warehouse, "touched", h, "short")) == 3


def test_closings_leave_in_proportion_less_what_was_liquidated(warehouse) -> None:
    # 100 of 1,000 coins: of the longs 40 were liquidated, 60 closed: 94% stay; of the shorts 90%.
    for h in (3, 30):
        assert levels(warehouse, "closed", h, "long")[AT_100 - 35] == (0, 94, 0, 0, 0)
        assert levels(warehouse, "closed", h, "short")[AT_100 + 31] == (0, 90, 0, 0, 0)


def test_openings_are_placed_by_the_volume_of_the_bars(warehouse) -> None:
    # 300 dollars evenly from 100.5 to 101 and 100 from 100 to 100.5. Buckets 1845 to 1848 begin at
    # 100.1575, 100.4079, 100.6589 and 100.9106:
    # 1844: 100 x 0.1575 / 0.5 = 31.5; 1845: 100 x 0.2504 / 0.5 = 50.1;
    # 1846: 100 x 0.0921 / 0.5 + 300 x 0.1589 / 0.5 = 113.8; 1847: 300 x 0.2517 / 0.5 = 151.0;
    # 1848: 300 x 0.0894 / 0.5 = 53.7; of 400.
    found = warehouse.execute(
        "select price_bucket, round(entered_share, 3), round(traded_usd, 1)"
        " from staging.intermediate.int_position_entries_hourly"
        " where base_asset = 'profile' and hour_at = ? order by 1",
        [hour(1)],
    ).fetchall()
    usd = {1844: 31.5, 1845: 50.1, 1846: 113.8, 1847: 151.0, 1848: 53.7}
    assert {bucket: traded for bucket, _, traded in found} == pytest.approx(usd, abs=0.11)
    assert {bucket: share for bucket, share, _ in found} == {
        bucket: pytest.approx(traded / 400, abs=1e-3) for bucket, traded in usd.items()
    }


def test_without_bars_openings_spread_over_the_touching_range(warehouse) -> None:
    assert warehouse.execute(
        "select price_bucket, entered_share, traded_usd, price_source"
        " from staging.intermediate.int_position_entries_hourly"
        " where base_asset = 'flat' and hour_at = ?",
        [hour(1)],
    ).fetchall() == [(AT_100, 1, None, "mark:binance:flatUSDT")]


def test_positions_count_for_thirty_days(warehouse) -> None:
    # Opened on day 0: counted until the end of day 29, hour 719.
    assert levels(warehouse, "aged", 719, "long")[AT_100 - 35] == (0, 100, 0, 0, 0)
    assert levels(warehouse, "aged", 720, "long") == {}


def test_totals_of_a_side_are_the_coins_open_at_their_levels(warehouse) -> None:
    # Both sides of every contract: without a touch the coins of a side are those opened.
    coins = {
        side: warehouse.execute(
            "select sum(mass_10x_usd / pow(1.0025, price_bucket + 0.5))"
            " from marts.liquidation_map where base_asset = 'flat' and hour_at = ?"
            " and liquidated_side = ?",
            [hour(500), side],
        ).fetchone()[0]
        for side in ("long", "short")
    }
    assert coins == {"long": pytest.approx(150), "short": pytest.approx(150)}


# --- the stress score's mass below spot -----------------------------------------------------------


def mass_below_spot(
    warehouse: duckdb.DuckDBPyConnection,
    base_asset: str,
    h: int,
    columns: str = "mass_below_spot_usd",
) -> tuple[Any, ...] | None:
    """Columns of an asset's hour."""
    return warehouse.execute(
        f"select {columns} from staging.intermediate.int_mass_below_spot_hourly"
        " where base_asset = ? and hour_at = ?",
        [base_asset, hour(h)],
    ).fetchone()


def usd(value: float) -> tuple[Any, ...]:
    """Dollars, to the digits of the table."""
    return (pytest.approx(value, abs=2e-4),)


def test_the_mass_below_spot_is_what_a_fall_of_five_percent_would_liquidate(warehouse) -> None:
    # Of the longs at 100 those at 25x and above (0.55 of the mix) are at 97.81, nine buckets below
    # the entry's; those at 10x are at 91.66 and at 5x at 81.3, under 95. The volume is 50,000.
    mass = 150 * 0.55 * middle(AT_100 - 9)
    for h in (575, 576, 700):
        assert mass_below_spot(warehouse, "flat", h) == usd(mass)
    columns = "mass_below_spot, volume_24h_usd, price_usd"
    assert mass_below_spot(warehouse, "flat", 700, columns) == (
        *(pytest.approx(mass / 50_000, abs=1e-9), 50_000, 100),
    )
    # Of the 100 coins of longs 94 stay.
    assert mass_below_spot(warehouse, "closed", 700) == usd(94 * 0.55 * middle(AT_100 - 9))


def test_levels_within_five_percent_follow_the_price_hour_by_hour(warehouse) -> None:
    near, farther = middle(AT_100 - 9), middle(AT_100 - 35)  # 97.81 and 91.66
    for h, expected in (
        (561, 0),
        (562, 100 * 0.55 * near),
        (563, 100 * 0.55 * near),
        (564, 95 * 0.55 * near),
        # From 98.5 down to 93.58, which the price does not touch.
        (565, 95 * 0.55 * near),
        # Touched by the low of 97; from 98 down to 93.1 there is nothing else.
        (566, 0),
        # From 95 down to 90.25: those at 10x, 0.30 of the mix, also past midnight (576).
        (567, 95 * 0.30 * farther),
        (575, 95 * 0.30 * farther),
        (576, 95 * 0.30 * farther),
        (577, 95 * 0.30 * farther),
        (578, 0),
    ):
        assert mass_below_spot(warehouse, "dips", h) == usd(expected), h


def test_a_mass_of_nothing_is_zero_and_one_that_is_not_known_is_null(warehouse) -> None:
    columns = "known_hours, mass_below_spot_usd, mass_below_spot"
    # The levels at 97.81 were touched in hour 3; positions of 30 days ago are taken as closed.
    assert mass_below_spot(warehouse, "touched", 700, columns) == (701, 0, 0)
    assert mass_below_spot(warehouse, "aged", 720, columns) == (720, 0, 0)
    # Open interest must be known in three quarters of the 720 hours.
    assert mass_below_spot(warehouse, "flat", 538, columns) == (539, None, None)
    assert mass_below_spot(warehouse, "flat", 539, columns) == (
        *(540, pytest.approx(150 * 0.55 * middle(AT_100 - 9), abs=2e-4)),
        pytest.approx(150 * 0.55 * middle(AT_100 - 9) / 50_000, abs=1e-9),
    )
    assert mass_below_spot(warehouse, "dark", 700, columns) == (0, None, None)
    # Without a volume, or with none, there is no ratio.
    columns = "mass_below_spot_usd is null, volume_24h_usd, mass_below_spot"
    assert mass_below_spot(warehouse, "profile", 700, columns) == (False, None, None)
    assert mass_below_spot(warehouse, "closed", 600, columns) == (False, None, None)


def test_the_mass_below_spot_is_the_sum_of_the_maps_buckets(warehouse) -> None:
    # The map has no rows under its floors: 1,000 dollars and 0.05% of the side.
    rows = warehouse.execute(
        """
        select
            hour_at, any_value(masses.mass_below_spot_usd) as usd,
            coalesce(sum(fixed_mass_usd) filter (where distance_percent >= -5), 0) as mapped_usd,
            ceil(ln(1 / 0.95) / ln(1.0025)) - count(*) filter (where distance_percent >= -5)
                as buckets_without_row,
            any_value(greatest(1000, 0.0005 * side_total_usd)) as floor_usd,
        from staging.intermediate.int_mass_below_spot_hourly as masses
        inner join marts.liquidation_map as map using (hour_at, base_asset)
        where base_asset = 'noise' and liquidated_side = 'long'
            and masses.mass_below_spot_usd is not null
        group by hour_at
        """
    ).fetchall()
    assert len(rows) > 200
    # In most hours no bucket is under a floor.
    assert sum(abs(found - mapped) < 0.01 for _, found, mapped, _, _ in rows) > len(rows) / 2
    for at, found, mapped, buckets, floor in rows:
        assert -0.01 < found - mapped < buckets * floor + 0.01, at


def test_only_buckets_that_the_price_reached_are_graded(warehouse) -> None:
    found = warehouse.execute(
        """
        select outcomes.*
        from staging.intermediate.int_liquidation_map_outcomes_daily as outcomes
        inner join (
            select date_trunc('day', hour_at) + interval 23 hour as hour_at, base_asset,
                min(hour_low_usd) as low, max(hour_high_usd) as high
            from staging.intermediate.int_position_entries_hourly
            group by all
        ) as days using (hour_at, base_asset)
        where pow(1.0025, price_bucket + 0.5) not between low and high
        """
    ).fetchall()
    assert found == []


def test_outcomes_count_market_prices_of_their_own_hours(warehouse) -> None:
    # Hours of day 20 alone, of one hour, of four, of 24; bankruptcy prices are left out.
    for horizon in (1, 4, 24):
        expected = dict(
            warehouse.execute(
                "select price_bucket, sum(long_usd)::double"
                " from staging.intermediate.int_liquidations_by_bucket"
                " where price_kind = 'fill_avg' and hour_at >= ? and hour_at < ? group by 1",
                [hour(480), hour(480 + horizon)],
            ).fetchall()
        )
        found = warehouse.execute(
            "select price_bucket, liquidated_usd, liquidated_anywhere_usd"
            " from staging.intermediate.int_liquidation_map_outcomes_daily"
            " where hour_at = ? and horizon_hours = ? and liquidated_side = 'long'",
            [hour(503), horizon],
        ).fetchall()
        assert found
        for bucket, usd, anywhere in found:
            assert usd == expected.get(bucket, 0)
            assert anywhere == pytest.approx(sum(expected.values()))


def test_the_scorecard_has_a_row_for_each_mix_and_horizon(warehouse) -> None:
    found = warehouse.execute(
        "select horizon_hours, mix_variant, graded_days, is_case_study"
        " from marts.liquidation_map_scorecard where base_asset = 'ALL' and hour_at = ?"
        " order by all",
        [hour(767)],
    ).fetchall()
    assert [row[:2] for row in found] == [
        (horizon, variant) for horizon in (1, 4, 24) for variant in ("fitted", "fixed")
    ]
    assert all(row[3] == (row[2] < 30) for row in found)


def available_at(warehouse: duckdb.DuckDBPyConnection, base_asset: str, h: int) -> list[tuple]:
    """When the rows of an asset's hour were available, and whether a fitted mix is in them."""
    return warehouse.execute(
        "select distinct available_at, fitted_mass_usd is not null from marts.liquidation_map"
        " where base_asset = ? and hour_at = ?",
        [base_asset, hour(h)],
    ).fetchall()


def test_a_row_is_as_late_as_the_latest_batch_of_its_thirty_days(warehouse) -> None:
    # An hour's prices are sealed last, 65 minutes after its start. Day 1 has no fitted mix yet.
    assert available_at(warehouse, "noise", 29) == [(hour(30) + timedelta(minutes=5), False)]
    for h in (30, 31):
        assert available_at(warehouse, "noise", h) == [(hour(700), False)]
    assert available_at(warehouse, "noise", 743) == [(hour(744) + timedelta(minutes=5), True)]
    # The mass below spot has no fitted mix.
    for h, at in (
        (29, hour(30) + timedelta(minutes=5)),
        *((30, hour(700)), (31, hour(700)), (600, hour(700))),
        (743, hour(744) + timedelta(minutes=5)),
    ):
        assert mass_below_spot(warehouse, "noise", h, "available_at") == (at,)


def test_a_fitted_mix_is_as_late_as_what_it_was_fitted_to(warehouse) -> None:
    # Hour 30 enters the levels that day 2, hours 48 to 71, is graded on; its mix counts afterwards.
    assert available_at(warehouse, "flat", 71) == [(hour(72) + timedelta(minutes=5), True)]
    assert available_at(warehouse, "flat", 72) == [(hour(700), True)]
    graded = warehouse.execute(
        "select hour_at, available_at from marts.liquidation_map_scorecard"
        " where hour_at in (?, ?) group by all order by 1",
        [hour(47), hour(71)],
    ).fetchall()
    assert graded == [
        (hour(47), hour(48) + timedelta(minutes=5)),
        (hour(71), hour(700)),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "staging.intermediate.int_liquidation_levels_daily",
        "staging.intermediate.int_liquidation_map_outcomes_daily",
        "staging.intermediate.int_liquidation_map_scores_daily",
        "marts.liquidation_map_scorecard",
    ],
)
def test_what_is_built_at_a_days_end_has_rows_of_no_other_hour(warehouse, table: str) -> None:
    assert warehouse.execute(f"select distinct hour(hour_at) from {table}").fetchall() == [(23,)]


def test_leverages_of_the_models_are_those_of_the_mix(warehouse) -> None:
    seed = warehouse.execute(
        "select leverage, weight from staging.seeds.leverage_mix order by 1"
    ).fetchall()
    assert [row[0] for row in seed] == [5, 10, 25, 50, 100]
    assert math.fsum(row[1] for row in seed) == pytest.approx(1)


def test_the_windows_of_the_grades_are_the_projects_constants() -> None:
    assert (
        variables()["map_graded_days"],
        variables()["map_fitted_days"],
    ) == (map_scores.GRADED_DAYS, map_scores.FITTED_DAYS)


@pytest.fixture(scope="module")
def built_in_steps(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Builds all hours but the last and a late one, then three hours in which no day ends, then the
    last hours, then the late hour."""
    home = Home(tmp_path_factory.mktemp("steps"))
    land(home, f"h < 740 and h != {LATE}")
    build(home, 740, [h for h in range(740) if h != LATE])
    land(home, f"h != {LATE}")
    for hours in (range(740, 743), range(742, HOURS)):
        build(home, hours.stop, hours)
    land(home, "true")
    build(home, HOURS, [LATE])
    return home


@pytest.mark.parametrize("table", COMPARED)
def test_increments_with_a_late_hour_equal_a_full_build(
    warehouse: duckdb.DuckDBPyConnection, built_in_steps: Home, table: str
) -> None:
    full = contents(warehouse, table)
    with open_warehouse(built_in_steps) as stepped:
        assert contents(stepped, table) == full
    assert len(full) > 50


def test_nothing_looks_ahead(
    warehouse: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever comes after an hour, its rows and those before it stay as they are."""
    home = Home(tmp_path_factory.mktemp("corrupted"))
    land(home, "true")
    with open_warehouse(home) as connection:
        for table, column in CORRUPTED:
            connection.execute(f"update {table} set {column} where hour_at >= ?", [hour(750)])
    build(home, HOURS, range(HOURS))
    with open_warehouse(home) as corrupted:
        for table in COMPARED:
            query = f"select * from {table} where hour_at < ? order by all"
            before = warehouse.execute(query, [hour(750)]).fetchall()
            assert corrupted.execute(query, [hour(750)]).fetchall() == before, table
        later = "select * from marts.liquidation_map where hour_at >= ? order by all"
        assert (
            corrupted.execute(later, [hour(750)]).fetchall()
            != warehouse.execute(later, [hour(750)]).fetchall()
        )


CORRUPTED = (
    ("staging.intermediate.int_price_series_hourly", "low_usd = low_usd * 0.9"),
    ("staging.intermediate.int_instrument_open_interest_hourly", "oi_end_base = 77777"),
    ("staging.intermediate.int_instrument_liquidations_hourly", "long_usd = 1"),
    ("staging.intermediate.int_liquidations_by_bucket", "long_usd = 12345678"),
    ("staging.intermediate.int_asset_derivative_volumes_hourly", "volume_24h_usd = 7"),
    ("warehouse.marts.fct_prices", "volume_usd = 1e6"),
)


def contents(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select * from {table} order by all").fetchall()
