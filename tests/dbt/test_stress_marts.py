"""The stress score, the divergences and the clusters, over hand-made upstream tables.

740 hours of a few assets, each for one test; `h` counts hours from FIRST_HOUR.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import duckdb
import numpy as np
import pytest

from unwind.settings import Home
from unwind.warehouse import dbt
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HOURS = 740
LAST = HOURS - 1
LATE = 600

MODELS = (
    "int_price_windows_hourly",
    "int_liquidations_by_bucket",
    "int_stress_values",
    "int_stress_percentiles",
    "int_stress_scores",
    "stress_components_hourly",
    "stress_hourly",
    "divergence_hourly",
    "liquidation_clusters",
)
UNTESTED = ("--resource-type=model", "--resource-type=seed")
COMPARED = (
    "staging.intermediate.int_price_windows_hourly",
    "staging.intermediate.int_stress_percentiles",
    "marts.stress_components_hourly",
    "marts.stress_hourly",
    "marts.divergence_hourly",
    "marts.liquidation_clusters",
)

# The marts' upstream, one statement per table. {visible} filters the hours.
# ranks    open interest cycles through 0, 1, 2, 3 and ends on 2; no other component but volatility
# scored   as ranks; funding always rises; imbalance, intensity and volatility never change
# wanders  funding 0..99 three times, then 96, 92, 89, 76, 74, 46, 44, 47
# falls    longs 1,000 an hour, 100,000 in the last 12; the price falls from 100 to 80, then 84
# bounces  the same longs; the price falls to 80 and recovers to 95
# trends   hourly intensity rises and the range narrows throughout
# widens   hourly intensity rises and so does the range
# bursts   no intensity except in the last hour, and narrowing ranges
# lone     one liquidation, in hour 0; not tracked in hours 700 to 710, not covered from 705 on
# grouped  the liquidations and prices of the cluster tests
# noise    everything derived from a hash of the hour
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
from range(740) as hours(h)
cross join (
    select unnest([
        'ranks', 'scored', 'wanders', 'falls', 'bounces', 'trends', 'widens', 'bursts', 'lone',
        'grouped', 'noise'
    ]) as base_asset
);

create or replace table staging.intermediate.int_tracked_assets_hourly as
select hour_at, base_asset from grid where {visible};

create or replace table staging.intermediate.int_asset_prices_hourly as
with closes as (
    select
        *,
        case
            when base_asset = 'falls'
                then case when h < 730 then 100 when h < 735 then 81 else 84 end
            when base_asset = 'bounces'
                then case when h < 730 then 100 when h < 735 then 81 else 95 end
            when base_asset = 'grouped' then 101 + h % 2
            when base_asset = 'noise' then 50 + noise_1 / 100.0
            else 100
        end::double as close_usd,
        case
            when base_asset in ('trends', 'bursts') then 10 - h / 100.0
            when base_asset = 'widens' then 1 + h / 100.0
            when base_asset = 'noise' then noise_2 / 500.0
            else 0
        end::double as range_usd,
    from grid
)
select
    hour_at,
    base_asset,
    close_usd as open_usd,
    close_usd + range_usd as high_usd,
    case
        when base_asset in ('falls', 'bounces') and h = 732 then 80
        when base_asset = 'grouped' and h = 700 then 90
        when base_asset = 'grouped' and h = 735 then 95
        when base_asset = 'grouped' then 100 + h / 10000.0
        else close_usd
    end::double as low_usd,
    close_usd,
    case
        when lag(hour_at) over (partition by base_asset order by hour_at)
            = hour_at - interval 1 hour
            then lag(close_usd) over (partition by base_asset order by hour_at)
    end as hour_before_close_usd,
    case when base_asset = 'trends' and h > 700 then null else 1000 end::double as volume_usd,
    'spot:hand:' || base_asset as price_source,
from closes
where {visible};

create or replace table warehouse.marts.fct_liquidations as
select
    timestamp '2026-01-01' + to_hours(h) as hour_at,
    base_asset,
    liquidated_side,
    event_kind,
    price_kind,
    price_usd::decimal(38, 12) as price_usd,
    notional_usd::decimal(38, 4) as notional_usd,
from (
    values
        (0, 'lone', 'long', 'liquidation', 'fill_avg', 50, 500),
        (19, 'grouped', 'long', 'liquidation', 'fill_avg', 100, 23),
        (20, 'grouped', 'long', 'liquidation', 'fill_avg', 100, 29),
        (571, 'grouped', 'long', 'liquidation', 'fill_avg', 100, 17),
        (572, 'grouped', 'long', 'liquidation', 'fill_avg', 100, 19),
        (715, 'grouped', 'long', 'backstop', 'fill_avg', 100.1, 11),
        (716, 'grouped', 'long', 'liquidation', 'fill_avg', 99.95, 13),
        (739, 'grouped', 'short', 'liquidation', 'fill_avg', 100, 70),
        (739, 'grouped', 'long', 'adl', 'fill_avg', 100, 1000),
        (739, 'grouped', 'long', 'liquidation', 'fill_avg', 100.2, 5),
        (739, 'grouped', 'long', 'liquidation', 'mark', 100, 1),
        (739, 'grouped', 'long', 'liquidation', 'bankruptcy', 99.6, 3),
        (739, 'grouped', 'short', 'liquidation', 'fill_avg', 102, 2),
        (739, 'grouped', 'short', 'liquidation', 'fill_avg', 102.3, 4)
) as events(
    h, base_asset, liquidated_side, event_kind, price_kind, price_usd, notional_usd
)
where {visible}
union all
select
    hour_at,
    base_asset,
    if(noise_1 % 3 = 0, 'short', 'long'),
    'liquidation',
    'fill_avg',
    (50 + noise_2 / 100.0)::decimal(38, 12),
    noise_1::decimal(38, 4),
from grid
where base_asset = 'noise' and noise_2 % 4 = 0 and {visible};

create or replace table staging.intermediate.int_asset_coverage_hourly as
select hour_at, base_asset, base_asset <> 'lone' or h not between 705 and 710 as is_complete
from grid
where {visible}
union all
select distinct hour_at, 'ALL', true
from grid
where {visible};

create or replace table warehouse.marts.liquidation_imbalance_hourly as
select
    hour_at,
    base_asset,
    case
        when base_asset in ('falls', 'bounces') then if(h >= 728, 100000, 1000)
        when base_asset = 'noise' and noise_2 % 4 = 0 then noise_1
        else 0
    end::decimal(38, 4) as long_1h_usd,
    case
        when base_asset = 'scored' then 0.5
        when base_asset = 'noise' then round((noise_1 - 500) / 500.0, 6)
    end::double as imbalance_24h,
    false as is_incomplete_1h,
from grid
where {visible}
    and not (base_asset = 'lone' and h between 700 and 710)
union all
select distinct
    hour_at,
    'ALL',
    1000::decimal(38, 4),
    0.25::double,
    false,
from grid
where {visible};

create or replace table warehouse.marts.leverage_hourly as
select
    hour_at,
    base_asset,
    case base_asset when 'ranks' then 300.0 when 'scored' then 100.0 end::double
        as oi_constant_venues_usd,
    case
        when base_asset in ('ranks', 'scored') then if(h = 739, 2, h % 4)
        when base_asset = 'noise' then noise_1 // 100
    end::double as oi_to_market_cap,
from grid
where {visible}
union all
-- (300 + 100) / (1000 + 3000)
select distinct hour_at, 'ALL', 400.0::double, 0.1::double
from grid
where {visible};

create or replace table warehouse.marts.funding_hourly as
select
    hour_at,
    base_asset,
    case
        when base_asset = 'scored' then h
        when base_asset = 'wanders' and h >= 732 then [96, 92, 89, 76, 74, 46, 44, 47][h - 731]
        when base_asset = 'wanders' and h >= 432 then (h - 432) * 37 % 100
        when base_asset = 'noise' then noise_2
    end::double as oi_weighted_funding_8h,
    case base_asset when 'scored' then 100.0 when 'noise' then 300.0 end::double
        as weighted_oi_usd,
from grid
where {visible};

create or replace table warehouse.marts.liquidation_intensity_hourly as
select
    hour_at,
    base_asset,
    case
        when base_asset in ('trends', 'widens') then h / 100.0
        when base_asset = 'bursts' then if(h = 739, 9, 0)
        when base_asset = 'noise' then noise_2 // 50
    end::double as long_intensity_1h_bp,
    case when base_asset = 'scored' then 7 when base_asset = 'noise' then noise_2 end::double
        as long_intensity_24h_bp,
    case when base_asset = 'scored' then 3 when base_asset = 'ranks' then 1 end::decimal(38, 4)
        as matched_long_24h_usd,
    case when base_asset = 'scored' then 100 when base_asset = 'ranks' then 300 end::double
        as matched_oi_start_24h_usd,
from grid
where {visible};

create or replace table staging.intermediate.int_mass_below_spot_hourly as
select
    hour_at,
    base_asset,
    case
        when base_asset = 'scored' and h != 738 then 3
        when base_asset = 'ranks' then 7
        when base_asset = 'noise' then noise_1
    end::double as mass_below_spot_usd,
    case base_asset
        when 'scored' then 100 when 'wanders' then 500 when 'noise' then 1000
    end::double as volume_24h_usd,
    round(mass_below_spot_usd / volume_24h_usd, 10) as mass_below_spot,
from grid
where {visible};
"""
# Every hour is sealed half a minute after it; a price of falls and a liquidation of grouped later.
SEALED_LATE = datetime.fromisoformat("2026-03-01T09")
LATE_ROWS = """
update staging.intermediate.int_asset_prices_hourly set available_at = timestamp '2026-03-01 09:00'
where base_asset = 'falls' and hour_at = timestamp '2026-01-01' + interval 500 hour;
update warehouse.marts.fct_liquidations set available_at = timestamp '2026-03-01 09:00'
where base_asset = 'grouped' and hour_at = timestamp '2026-01-01' + interval 19 hour;
"""
AVAILABLE = """
alter table {table} add column available_at timestamp;
update {table} set available_at = hour_at + interval '1 hour 30 seconds';
"""
READ = (
    "staging.intermediate.int_tracked_assets_hourly",
    "staging.intermediate.int_asset_prices_hourly",
    "staging.intermediate.int_asset_coverage_hourly",
    "warehouse.marts.fct_liquidations",
    "warehouse.marts.liquidation_imbalance_hourly",
    "warehouse.marts.leverage_hourly",
    "warehouse.marts.funding_hourly",
    "warehouse.marts.liquidation_intensity_hourly",
    "staging.intermediate.int_mass_below_spot_hourly",
)


def hour(h: int) -> datetime:
    """The start of hour h."""
    return FIRST_HOUR + timedelta(hours=h)


def open_warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    """Both database files, attached under dbt's names."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{home.warehouse_db}' as warehouse")
    connection.execute(f"attach '{home.staging_db}' as staging")
    connection.execute("use warehouse")
    return connection


def land(home: Home, visible: str) -> None:
    """Creates the upstream tables with the hours that `visible` (SQL over h) selects."""
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(UPSTREAM.format(visible=visible))
        for table in READ:
            connection.execute(AVAILABLE.format(table=table))
        connection.execute(LATE_ROWS)


def build(home: Home, spine: int, pending: Iterable[int], *arguments: str) -> None:
    """Builds the pending hours on a spine of the first `spine` hours."""
    with staging_state(home) as connection:
        for table, hours in (("ops.hours", range(spine)), ("ops.pending_hours", pending)):
            connection.execute(f"delete from {table}")
            connection.execute(
                f"insert into {table} select unnest(?::timestamp[])", [[hour(h) for h in hours]]
            )
    dbt.run_dbt(home, ["build", *arguments, "--select", "stress_weights", *MODELS])


@pytest.fixture(scope="module")
def full_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All hours built at once, with the models' data tests."""
    home = Home(tmp_path_factory.mktemp("full"))
    land(home, "true")
    build(home, HOURS, range(HOURS))
    return home


@pytest.fixture(scope="module")
def warehouse(full_build: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(full_build) as connection:
        yield connection


def row(
    warehouse: duckdb.DuckDBPyConnection, table: str, columns: str, h: int = LAST, **key: Any
) -> tuple[Any, ...] | None:
    """The one row of a table with this hour and key."""
    key = {"hour_at": hour(h), **key}
    found = warehouse.execute(
        f"select {columns} from {table} where {' and '.join(f'{name} = ?' for name in key)}",
        list(key.values()),
    ).fetchall()
    assert len(found) <= 1, f"{table} has {len(found)} rows for {key}"
    return found[0] if found else None


# --- when a row was available ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "key", "last_before", "first_late", "last_late"),
    [
        # Prices of seven days.
        ("staging.intermediate.int_price_windows_hourly", {"base_asset": "falls"}, 499, 500, 667),
        # The range of 48 hours is of prices whose own windows reach 167 hours back.
        ("marts.divergence_hourly", {"base_asset": "falls"}, 499, 500, 714),
        # Percentiles and regimes of 90 days.
        ("marts.stress_hourly", {"base_asset": "falls"}, 499, 500, None),
        ("marts.stress_hourly", {"base_asset": "ALL"}, 499, 500, None),
        # The bucket of 100 dollars: 719 hours after the hour of its liquidation.
        (
            "marts.liquidation_clusters",
            {"base_asset": "grouped", "price_kind": "fill_avg", "price_bucket": 1844},
            None,
            19,
            738,
        ),
    ],
)
def test_a_window_is_late_while_it_holds_a_late_row(
    warehouse,
    table: str,
    key: dict[str, Any],
    last_before: int | None,
    first_late: int,
    last_late: int | None,
) -> None:
    def available_at(h: int) -> datetime:
        found = row(warehouse, table, "available_at", h, **key)
        assert found is not None
        return found[0]

    in_time = timedelta(hours=1, seconds=30)
    if last_before is not None:
        assert available_at(last_before) == hour(last_before) + in_time
    assert available_at(first_late) == SEALED_LATE
    assert available_at(last_late or LAST) == SEALED_LATE
    if last_late is not None:
        assert available_at(last_late + 1) == hour(last_late + 1) + in_time


def test_another_assets_late_row_is_nothing_to_a_row(warehouse) -> None:
    [found] = row(warehouse, "marts.stress_hourly", "available_at", base_asset="lone") or [None]
    assert found == hour(LAST) + timedelta(hours=1, seconds=30)


# --- stress -------------------------------------------------------------------------------------


def component(
    warehouse: duckdb.DuckDBPyConnection,
    name: str,
    columns: str = "value",
    h: int = LAST,
    base_asset: str = "ALL",
) -> tuple[Any, ...] | None:
    """The one row of a stress component."""
    table = "marts.stress_components_hourly"
    return row(warehouse, table, columns, h, base_asset=base_asset, component=name)


def test_a_percentile_is_the_share_below_with_ties_counted_half(warehouse) -> None:
    # The last hour has 739 values before it: 185 zeros, 185 ones, 185 twos, 184 threes. 370 are
    # under 2 and 185 equal it: 100 (370 + 92.5) / 739.
    columns = "value, percentile, history_hours"
    assert component(warehouse, "oi_to_market_cap", columns, base_asset="ranks") == (
        2,
        62.5846,
        739,
    )


def test_a_percentile_needs_seven_days_before_the_hour(warehouse) -> None:
    columns = "percentile, history_hours, regime"
    assert component(warehouse, "oi_to_market_cap", columns, 167, "ranks") == (None, 167, None)
    # 168 values, 42 of each; that of the hour itself is 168 % 4 = 0: 100 (0 + 21) / 168.
    assert component(warehouse, "oi_to_market_cap", columns, 168, "ranks") == (12.5, 168, "calm")


def test_a_score_is_the_weighted_mean_of_the_components(warehouse) -> None:
    # 0.20 * 62.5846 + 0.20 * 100 + 0.10 * 50 + 0.20 * 50 + 0.15 * 50 + 0.15 * 50 = 62.5169
    score = "score, known_weight_share, missing_components, label_version, score_history_hours"
    assert row(warehouse, "marts.stress_hourly", score, base_asset="scored") == (
        *(62.5169, 1, "", "stress-2"),
        LAST - 168,
    )
    columns = "percentile, weight, contribution"
    funding = component(warehouse, "oi_weighted_funding_8h", columns, base_asset="scored")
    assert funding == (100, 0.2, 20)
    assert component(warehouse, "long_imbalance_24h", "contribution", base_asset="scored") == (5,)
    assert component(warehouse, "realised_volatility_24h", base_asset="scored") == (0,)
    # 3 dollars of levels over 100 of volume, as in the 738 hours before but one.
    columns = "value, percentile, history_hours, weight, contribution"
    assert component(warehouse, "mass_below_spot", columns, base_asset="scored") == (
        *(0.03, 50, 738),
        *(0.15, 7.5),
    )


def test_without_a_component_the_weights_of_the_others_sum_to_one(warehouse) -> None:
    # In hour 738 the mass is not known, and 0.85 of the weight is. Open interest: 370 of 738 values
    # are under 2 and 184 equal it: 100 (370 + 92) / 738 = 62.6016.
    # (0.20 * 62.6016 + 0.20 * 100 + 0.10 * 50 + 0.20 * 50 + 0.15 * 50) / 0.85 = 64.7298
    assert row(
        warehouse,
        "marts.stress_hourly",
        "score, known_weight_share, missing_components",
        h=LAST - 1,
        base_asset="scored",
    ) == (64.7298, 0.85, "mass_below_spot")
    columns = "percentile, weight, contribution"
    funding = component(warehouse, "oi_weighted_funding_8h", columns, LAST - 1, "scored")
    assert funding == (100, 0.235294, 23.5294)
    assert component(warehouse, "mass_below_spot", columns, LAST - 1, "scored") == (
        None,
        None,
        None,
    )


def test_the_weights_sum_to_one(warehouse) -> None:
    assert warehouse.execute(
        "select round(sum(weight), 9), count(distinct label_version)"
        " from staging.seeds.stress_weights"
    ).fetchone() == (1, 1)


def test_contributions_add_up_to_the_score(warehouse) -> None:
    assert warehouse.execute(
        """
        select count(*) > 500, max(abs(score - contributions)) < 0.0003
        from marts.stress_hourly
        inner join (
            select hour_at, base_asset, sum(contribution) as contributions
            from marts.stress_components_hourly
            group by all
        ) using (hour_at, base_asset)
        where base_asset = 'scored' and score is not null
        """
    ).fetchone() == (True, True)


def test_under_half_of_the_weight_there_is_no_score(warehouse) -> None:
    # Open interest and volatility: 0.35 of the weight.
    assert row(
        warehouse,
        "marts.stress_hourly",
        "score, regime, known_weight_share, missing_components",
        base_asset="ranks",
    ) == (
        None,
        None,
        0.35,
        "oi_weighted_funding_8h, long_imbalance_24h, intensity_24h_bp, mass_below_spot",
    )
    assert component(warehouse, "oi_to_market_cap", "weight", base_asset="ranks") == (None,)


def test_a_band_is_left_only_five_points_below_its_edge(warehouse) -> None:
    found = warehouse.execute(
        """
        select round(percentile, 1), regime
        from marts.stress_components_hourly
        where base_asset = 'wanders' and component = 'oi_weighted_funding_8h' and hour_at >= ?
        order by hour_at
        """,
        [hour(732)],
    ).fetchall()
    # Of 300 trailing values (0..99 three times) 288 are below 96 and 3 tie: 96.5; and so on.
    assert found == [
        (96.5, "extreme"),
        (92.2, "extreme"),
        (88.9, "stressed"),
        (75.7, "stressed"),
        (73.5, "elevated"),
        (45.7, "elevated"),
        (43.6, "calm"),
        (47.1, "calm"),
    ]


def test_regimes_are_those_of_a_replay_hour_by_hour(warehouse) -> None:
    bands = ("calm", "elevated", "stressed", "extreme")
    edges = (None, 50, 80, 95)
    for query in (
        "select score_percentile, regime from marts.stress_hourly"
        " where base_asset = 'noise' order by hour_at",
        "select percentile, regime from marts.stress_components_hourly where base_asset = 'noise'"
        " and component = 'oi_weighted_funding_8h' order by hour_at",
    ):
        replayed, now = [], 0
        rows = warehouse.execute(query).fetchall()
        for percentile, _ in rows:
            if percentile is None:
                replayed.append(None)
                continue
            while now < 3 and (percentile > 95 if now == 2 else percentile >= edges[now + 1]):
                now += 1
            while now > 0 and percentile <= edges[now] - 5:
                now -= 1
            replayed.append(bands[now])
        assert [found for _, found in rows] == replayed
        assert set(replayed) == {None, *bands}


def test_all_combines_the_assets(warehouse) -> None:
    # (300 + 100) / (1,000 + 3,000); funding (100 * 739 + 300 * noise) / 400;
    # 10,000 (3 + 1) / (100 + 300) bp; the imbalance of all liquidations; (3 + mass of noise) /
    # (100 + 1,000), as ranks has no volume and wanders no mass.
    found = {
        name: component(warehouse, name)[0]
        for name in (
            *("oi_to_market_cap", "long_imbalance_24h", "intensity_24h_bp"),
            *("oi_weighted_funding_8h", "mass_below_spot"),
        )
    }
    noise = component(warehouse, "oi_weighted_funding_8h", base_asset="noise")[0]
    noise_mass = 1000 * component(warehouse, "mass_below_spot", base_asset="noise")[0]
    assert found == {
        "oi_to_market_cap": 0.1,
        "long_imbalance_24h": 0.25,
        "intensity_24h_bp": 100,
        "oi_weighted_funding_8h": pytest.approx((100 * 739 + 300 * noise) / 400),
        "mass_below_spot": pytest.approx((3 + noise_mass) / 1100),
    }


def test_volatility_is_the_root_of_24_squared_hourly_returns(warehouse) -> None:
    # 101 and 102 alternate: sqrt(24) ln(102 / 101). With fewer than 18 returns it is unknown.
    table, columns = "staging.intermediate.int_price_windows_hourly", "realised_volatility_24h"
    assert row(warehouse, table, columns, base_asset="grouped") == (0.0482662,)
    assert row(warehouse, table, columns, h=18, base_asset="grouped") == (0.0482662,)
    assert row(warehouse, table, columns, h=17, base_asset="grouped") == (None,)


# --- divergences --------------------------------------------------------------------------------


def test_recovery_divergence_fires_on_rising_longs_without_recovery(warehouse) -> None:
    # Weights 0.92^k over 120 hours and (167/169)^k over all 740; 100,000 in the latest twelve,
    # 1,000 before: 63,603.8534 and 14,181.2005.
    # Low 80 in hour 732, high 100 in the 72 hours before it, now 84: (84 - 80) / (100 - 80).
    assert row(
        warehouse,
        "marts.divergence_hourly",
        "recovery_divergence, any_divergence, long_usd, long_usd_ema_24h, long_usd_ema_7d,"
        " ema_ratio, elevated_hours_12h, low_24h_usd, low_24h_at, high_72h_before_low_usd,"
        " recovery",
        base_asset="falls",
    ) == (
        *(True, True, 100_000, 63_603.8534, 14_181.2005, 4.485082),
        *(12, 80, hour(732), 100, 0.2),
    )


def test_recovery_divergence_waits_for_six_elevated_hours(warehouse) -> None:
    columns = "elevated_hours_12h, recovery_divergence"
    assert row(warehouse, "marts.divergence_hourly", columns, h=732, base_asset="falls") == (
        5,
        False,
    )
    assert row(warehouse, "marts.divergence_hourly", columns, h=733, base_asset="falls") == (
        6,
        True,
    )


def test_recovery_divergence_does_not_fire_once_the_price_is_back(warehouse) -> None:
    assert row(
        warehouse,
        "marts.divergence_hourly",
        "recovery_divergence, any_divergence, elevated_hours_12h, recovery",
        base_asset="bounces",
    ) == (False, False, 12, 0.75)


def test_uncovered_hours_are_not_zero(warehouse) -> None:
    columns = "long_usd, incomplete_hours_48h, is_incomplete"
    table = "marts.divergence_hourly"
    assert row(warehouse, table, columns, h=699, base_asset="lone") == (0, 0, False)
    assert row(warehouse, table, columns, h=704, base_asset="lone") == (0, 0, False)
    assert row(warehouse, table, columns, h=705, base_asset="lone") == (None, 1, True)
    # The last 48 hours start at 692.
    assert row(warehouse, table, columns, base_asset="lone") == (0, 6, True)
    assert row(warehouse, table, columns, base_asset="falls") == (100_000, 0, False)


def test_the_7_day_price_weighs_hours_by_volume(warehouse) -> None:
    # 158 hours at 100, 4 at 81, one at (81 + 81 + 80) / 3 and 5 at 84, 1,000 dollars in each.
    traded_units = 158 / 100 + 4 / 81 + 3 / 242 + 5 / 84
    assert row(warehouse, "marts.divergence_hourly", "vwap_7d_usd", base_asset="falls") == (
        pytest.approx(168 / traded_units, rel=1e-9),
    )


def test_no_liquidations_are_not_a_rise_whatever_else_is_unknown(warehouse) -> None:
    assert row(
        warehouse,
        "marts.divergence_hourly",
        "recovery_divergence, ema_ratio, elevated_hours_12h, known_hours_12h",
        base_asset="trends",
    ) == (False, None, 0, 12)


def test_recovery_divergence_is_unknown_before_seven_days_of_history(warehouse) -> None:
    assert row(
        warehouse,
        "marts.divergence_hourly",
        "long_usd_ema_24h, long_usd_ema_7d, ema_ratio, elevated_hours_12h, known_hours_12h",
        h=166,
        base_asset="falls",
    ) == (1000, None, None, 0, 0)
    # Some random prices are low, so that only the rise decides.
    assert warehouse.execute(
        "select count(*) filter (recovery_divergence),"
        " count(*) filter (recovery_divergence is null) > 0"
        " from marts.divergence_hourly where base_asset = 'noise' and hour_at < ?",
        [hour(167)],
    ).fetchone() == (0, True)


def test_range_divergence_fires_on_rising_intensity_in_narrowing_ranges(warehouse) -> None:
    # 48 values in order: tau 1 and -1, S = 1,128, z = 1,128 / sqrt(48 * 47 * 101 / 18) = 10.03.
    columns = (
        "range_divergence, any_divergence, intensity_tau, intensity_p_value, range_tau,"
        " range_p_value"
    )
    assert row(warehouse, "marts.divergence_hourly", columns, base_asset="trends") == (
        *(True, True),
        *(1, 0, -1, 0),
    )
    assert row(warehouse, "marts.divergence_hourly", columns, base_asset="widens") == (
        *(False, False),
        *(1, 0, 1, 0),
    )


def test_range_divergence_does_not_mistake_one_burst_for_a_trend(warehouse) -> None:
    # 47 zeros and a nine: S = 47; tied pairs 47 * 46 / 2 = 1,081; tau-b = 47 / sqrt(47 * 1,128).
    # Were hours independent: variance (48 * 47 * 101 - 47 * 46 * 99) / 18 = 767.667, z = 1.69633,
    # p = 0.089823. Detrended, the ranks barely correlate; with the estimate's standard error the
    # variance is 1.4136 times that: z = 1.42674, p = 0.153658 (recomputed pair by pair below).
    assert row(
        warehouse,
        "marts.divergence_hourly",
        "range_divergence, intensity_tau, intensity_p_value, range_tau, log_intensity",
        base_asset="bursts",
    ) == (False, 0.204124, 0.153658, -1, pytest.approx(math.log(10), abs=1e-9))
    # Equal values have no trend: a known zero.
    assert row(
        warehouse,
        "marts.divergence_hourly",
        "range_divergence, intensity_tau, intensity_p_value, intensity_hours_48h",
        h=LAST - 1,
        base_asset="bursts",
    ) == (False, None, None, 48)


def test_a_trend_needs_36_of_48_hours(warehouse) -> None:
    columns = "intensity_hours_48h, intensity_tau, range_divergence"
    assert row(warehouse, "marts.divergence_hourly", columns, h=34, base_asset="trends") == (
        35,
        None,
        None,
    )
    assert row(warehouse, "marts.divergence_hourly", columns, h=35, base_asset="trends") == (
        36,
        1,
        True,
    )


def persistence_of(values: list[float]) -> float:
    """Lag-1 autocorrelation of the detrended mid-ranks, bias-corrected, plus its standard error."""
    n = len(values)
    ranks = np.array([sum((v > w) + (v == w) / 2 for w in values) for v in values])
    hours = np.arange(n)
    left = ranks - np.polyval(np.polyfit(hours, ranks, 1), hours)
    if (left**2).sum() < 1e-9 * ((ranks - ranks.mean()) ** 2).sum():
        left[:] = 0
    lag_1 = (left[1:] * left[:-1]).sum() / max((left**2).sum(), 1e-30)
    normal = 2 * math.sin(math.pi / 6 * min(1, max(-1, (n * lag_1 + 2) / (n - 4))))
    return min(0.98, max(0.0, normal + math.sqrt((1 - normal**2) / n)))


def variance_ratio(phi: float, n: int) -> float:
    """Hamed and Rao's correction for the ranks of a first-order autoregression, lag by lag."""
    rank_correlations = [6 / math.pi * math.asin(phi**lag / 2) for lag in range(1, n)]
    lagged = sum(
        (n - lag) * (n - lag - 1) * (n - lag - 2) * r for lag, r in enumerate(rank_correlations, 1)
    )
    return 1 + 2 / (n * (n - 1) * (n - 2)) * lagged


def tau_and_p(values: list[float]) -> tuple[float, float]:
    """Kendall's tau-b against time pair by pair, and its p-value with groups of ties, corrected
    for persistence."""
    score = sum((b > a) - (b < a) for a, b in itertools.combinations(values, 2))
    ties = [values.count(value) for value in set(values)]
    n = len(values)
    pairs = n * (n - 1) / 2
    tied = sum(t * (t - 1) / 2 for t in ties)
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    variance *= variance_ratio(persistence_of(values), n) if n > 2 else 1
    p = math.erfc(abs(score) / math.sqrt(variance) / math.sqrt(2))
    return score / math.sqrt(pairs * (pairs - tied)), p


def test_the_variance_of_kendalls_score_grows_with_persistence() -> None:
    # In 40,000 simulated AR(1) series of 48 values, var S / (48 * 47 * 101 / 18) was 2.68, 4.74
    # and 11.34; the formula comes close.
    for phi, simulated in ((0.5, 2.68), (0.7, 4.74), (0.9, 11.34)):
        assert variance_ratio(phi, 48) == pytest.approx(simulated, rel=0.05)
    assert variance_ratio(0, 48) == 1


def test_the_pairwise_definition_gives_1_2_3_5_4_a_tau_of_0_8() -> None:
    # Nine pairs rise and one falls: (9 - 1) / 10.
    assert tau_and_p([1, 2, 3, 5, 4])[0] == pytest.approx(0.8)
    # 1, 1, 2: two pairs rise, one is tied: 2 / sqrt(3 * 2).
    assert tau_and_p([1, 1, 2])[0] == pytest.approx(0.816497, abs=1e-6)


def test_trends_are_those_of_counting_every_pair(warehouse) -> None:
    rows = warehouse.execute(
        "select log_intensity, intensity_tau, intensity_p_value, intensity_persistence,"
        " intensity_effective_hours_48h from marts.divergence_hourly"
        " where base_asset = 'noise' order by hour_at"
    ).fetchall()
    values = [value for value, *_ in rows]
    assert len(set(values)) == 20, "the series is meant to be full of ties"
    for h in range(47, HOURS, 7):
        tau, p = tau_and_p(values[h - 47 : h + 1])
        persistence = persistence_of(values[h - 47 : h + 1])
        assert rows[h][1] == pytest.approx(tau, abs=1e-6)
        assert rows[h][2] == pytest.approx(p, abs=5e-6)
        assert rows[h][3] == pytest.approx(persistence, abs=2e-6)
        assert rows[h][4] == pytest.approx(48 / variance_ratio(persistence, 48), abs=1e-3)


@pytest.mark.parametrize("asset", ["trends", "widens", "bursts"])
def test_flags_are_those_of_both_trends_counted_pair_by_pair(warehouse, asset: str) -> None:
    rows = warehouse.execute(
        """
        select ln(1 + long_intensity_1h_bp), ln(range_usd), range_tau, range_p_value,
            range_divergence
        from marts.divergence_hourly
        inner join marts.liquidation_intensity_hourly using (hour_at, base_asset)
        inner join staging.intermediate.int_price_windows_hourly using (hour_at, base_asset)
        where base_asset = ?
        order by hour_at
        """,
        [asset],
    ).fetchall()
    for h in range(47, len(rows), 23):
        window = rows[h - 47 : h + 1]
        verdicts = []
        for place, sign in ((0, 1), (1, -1)):
            values = [round(one[place], 9) for one in window]
            if len(set(values)) < 2:
                verdicts.append(False)
                continue
            tau, p = tau_and_p(values)
            verdicts.append(sign * tau > 0 and p < 0.05)
            if place == 1:
                assert rows[h][2:4] == (
                    pytest.approx(tau, abs=1e-6),
                    pytest.approx(p, abs=5e-6),
                )
        assert rows[h][4] == all(verdicts)
    assert any(one[4] for one in rows) == (asset == "trends")


def test_averages_are_those_of_weighing_every_hour(warehouse) -> None:
    rows = warehouse.execute(
        "select long_usd::double, long_usd_ema_24h, long_usd_ema_7d from marts.divergence_hourly"
        " where base_asset = 'noise' order by hour_at"
    ).fetchall()
    longs = [long for long, _, _ in rows]
    for h, span, place in itertools.product((167, 300, 511, LAST), (24, 168), (1, 2)):
        if (span == 24) != (place == 1):
            continue
        back = longs[max(0, h - 5 * span + 1) : h + 1][::-1]
        weights = [(1 - 2 / (span + 1)) ** k for k in range(len(back))]
        mean = sum(w * x for w, x in zip(weights, back, strict=True)) / sum(weights)
        assert rows[h][place] == pytest.approx(mean, abs=2e-4)


# --- clusters -----------------------------------------------------------------------------------

AT_100 = 1844  # ln(100) / ln(1.0025) = 1844.37


def test_a_bucket_sums_its_liquidations_by_window(warehouse) -> None:
    # Back from hour 739, 24 hours start at 716, 168 at 572, 720 at 20. ADL does not count.
    assert row(
        warehouse,
        "marts.liquidation_clusters",
        "long_24h_usd, short_24h_usd, long_7d_usd, short_7d_usd, long_30d_usd, short_30d_usd,"
        " window_start_at",
        base_asset="grouped",
        price_kind="fill_avg",
        price_bucket=AT_100,
    ) == (13, 70, 13 + 11 + 19, 70, 13 + 11 + 19 + 17 + 29, 70, hour(20))


def test_bucket_edges_are_a_quarter_of_a_percent_apart(warehouse) -> None:
    assert row(
        warehouse,
        "marts.liquidation_clusters",
        "round(bucket_low_usd, 6), round(bucket_high_usd, 6), round(bucket_high_usd, 12)"
        " = round(bucket_low_usd * 1.0025::double, 12)",
        base_asset="grouped",
        price_kind="fill_avg",
        price_bucket=AT_100,
    ) == (99.907733, 100.157502, True)
    # 100.2 is above the edge at 100.1575.
    assert row(
        warehouse,
        "marts.liquidation_clusters",
        "long_24h_usd",
        base_asset="grouped",
        price_kind="fill_avg",
        price_bucket=AT_100 + 1,
    ) == (5,)


def test_a_bucket_has_rows_as_long_as_its_30_days_last(warehouse) -> None:
    found = warehouse.execute(
        "select min(hour_at), max(hour_at), count(*), max(long_30d_usd) filter (long_24h_usd = 0)"
        " from marts.liquidation_clusters where base_asset = 'lone'"
    ).fetchone()
    assert found == (hour(0), hour(719), 720, 500)


def test_distances_are_from_the_middle_of_the_bucket(warehouse) -> None:
    # Middle 100.032539; spot 102; one sigma 0.0482662; swing low 90; low of 24 hours 95.
    assert row(
        warehouse,
        "marts.liquidation_clusters",
        "spot_usd, distance_to_spot_percent, distance_to_spot_sigmas, nearest_swing_low_usd,"
        " distance_to_swing_low_percent, low_24h_usd, distance_to_low_24h_percent",
        base_asset="grouped",
        price_kind="fill_avg",
        price_bucket=AT_100,
    ) == (102, -1.928883, -0.403539, 90, 11.147266, 95, 5.29741)


def test_a_swing_low_is_known_twelve_hours_later(warehouse) -> None:
    # The low of 90 in hour 700 is confirmed when hour 712 has ended; the low of 95 in hour 735 is
    # not confirmed before the data ends.
    for h, known in ((711, None), (712, 90), (LAST, 90)):
        assert row(
            warehouse,
            "marts.liquidation_clusters",
            "nearest_swing_low_usd",
            h=h,
            base_asset="grouped",
            price_kind="fill_avg",
            price_bucket=AT_100,
        ) == (known,)


def test_kinds_of_price_are_not_added_up(warehouse) -> None:
    # A long with its bankruptcy price at 99.6 and 0.4% maintenance margin was liquidated at a mark
    # of 99.6 / 0.996 = 100: the same event, up to two buckets apart.
    found = warehouse.execute(
        "select price_kind, price_bucket, long_24h_usd, is_market_price"
        " from marts.liquidation_clusters where base_asset = 'grouped' and hour_at = ?"
        " and price_kind <> 'fill_avg' order by all",
        [hour(LAST)],
    ).fetchall()
    assert found == [("bankruptcy", AT_100 - 2, 3, False), ("mark", AT_100, 1, True)]
    assert warehouse.execute(
        "select distinct is_market_price from marts.liquidation_clusters"
        " where price_kind = 'fill_avg'"
    ).fetchall() == [(True,)]


def test_the_bucket_that_holds_the_spot_is_neither_below_nor_above_it(warehouse) -> None:
    # ln(102) / ln(1.0025) = 1852.31: the bucket reaches from 101.9235 to 102.1783, its middle is
    # above the spot of 102. The next one begins above it.
    found = warehouse.execute(
        "select price_bucket, relative_to_spot, distance_to_spot_percent, distance_to_spot_sigmas"
        " from marts.liquidation_clusters where base_asset = 'grouped' and hour_at = ?"
        " and price_bucket > 1850 order by all",
        [hour(LAST)],
    ).fetchall()
    assert found[0] == (1852, "holds_spot", 0, 0)
    assert found[1][:2] == (1853, "above")
    assert 0.17 < found[1][2] < 0.43
    assert row(
        warehouse,
        "marts.liquidation_clusters",
        "relative_to_spot",
        base_asset="grouped",
        price_kind="fill_avg",
        price_bucket=AT_100,
    ) == ("below",)
    assert warehouse.execute(
        "select count(*) from marts.liquidation_clusters where relative_to_spot is null"
        " and spot_usd is not null"
    ).fetchone() == (0,)


# --- increments ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built_in_steps(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Builds all hours but the last and a late one, then the last hours, then the late hour.

    The first and the late build use the code path for many hours, the second the one for few.
    """
    home = Home(tmp_path_factory.mktemp("steps"))
    land(home, f"h < 736 and h != {LATE}")
    build(home, 736, [h for h in range(736) if h != LATE], *UNTESTED)
    land(home, f"h != {LATE}")
    build(home, HOURS, range(736, HOURS), *UNTESTED)
    land(home, "true")
    build(home, HOURS, [LATE], *UNTESTED)
    return home


@pytest.mark.parametrize("table", COMPARED)
def test_increments_with_a_late_hour_equal_a_full_build(
    warehouse: duckdb.DuckDBPyConnection, built_in_steps: Home, table: str
) -> None:
    full = warehouse.execute(f"select * from {table} order by all").fetchall()
    with open_warehouse(built_in_steps) as stepped:
        assert stepped.execute(f"select * from {table} order by all").fetchall() == full
    assert len(full) > 1000


def test_nothing_looks_ahead(
    warehouse: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home(tmp_path_factory.mktemp("earlier"))
    land(home, "h < 734")
    build(home, 734, range(734), *UNTESTED)
    with open_warehouse(home) as earlier:
        for table in COMPARED:
            query = f"select * from {table} where hour_at < ? order by all"
            assert (
                earlier.execute(query, [hour(734)]).fetchall()
                == warehouse.execute(query, [hour(734)]).fetchall()
            ), table


# Windows so short that there are hours beyond the longest sum of them, 24 + 168 + 3 x 36 (see
# test_lookbacks.py). With the project's own windows every later hour is within it.
SHORT = {
    **{"stress_window_hours": 36, "stress_min_history_hours": 12},
    **{"tracked_asset_hours": 24, "open_interest_fading_hours": 24, "map_inventory_days": 2},
}
LATE_AND_OUTREACHED = 200


@pytest.fixture
def short_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the project with these windows: with dbt's --vars each run would parse it."""
    copy = tmp_path / "project"
    copytree(dbt.DBT_PROJECT, copy, ignore=ignore_patterns("target", "logs"))
    settings = copy / "dbt_project.yml"
    text = settings.read_text()
    for name, hours in SHORT.items():
        text, changed = re.subn(rf"(?m)^( +{name}:) \d+$", rf"\1 {hours}", text)
        assert changed == 1, name
    settings.write_text(text)
    monkeypatch.setattr(dbt, "DBT_PROJECT", copy)


def test_a_late_hour_rebuilds_what_other_windows_than_the_projects_reach(
    tmp_path_factory: pytest.TempPathFactory, short_windows: None
) -> None:
    full, stepped = (Home(tmp_path_factory.mktemp(name)) for name in ("short", "short_steps"))
    land(full, "true")
    build(full, HOURS, range(HOURS), *UNTESTED)
    land(stepped, f"h != {LATE_AND_OUTREACHED}")
    on_time = [h for h in range(HOURS) if h != LATE_AND_OUTREACHED]
    build(stepped, HOURS, on_time, *UNTESTED)
    with open_warehouse(stepped) as connection:
        before = contents(connection, "marts.stress_hourly")
    land(stepped, "true")
    build(stepped, HOURS, [LATE_AND_OUTREACHED], *UNTESTED)
    with open_warehouse(full) as whole, open_warehouse(stepped) as increments:
        for table in COMPARED:
            assert contents(increments, table) == contents(whole, table), table
        changed = {row[0] for row in set(contents(whole, "marts.stress_hourly")) - set(before)}
    # The late hour changed later hours, but none beyond the sum.
    assert hour(LATE_AND_OUTREACHED + 36) < max(changed) <= hour(LATE_AND_OUTREACHED + 300)


def contents(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select * from {table} order by all").fetchall()
