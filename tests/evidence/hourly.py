"""The stress score and the divergences of dbt_project over two months of hourly totals.

The models' upstream tables are filled from the files; the models are those of the project.
"""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from tests.evidence.measures import LAGGED, VOLATILITY, Sample, floats, shifted_by_half
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state

SCORE = "stress_score"
HORIZONS = (1, 4, 24)
SOURCE = Path("reference_totals") / "coinalyze_hourly_2024" / "csvFolder"
MARKET_CAPS = Path("context") / "market_cap"
FIRST_HOUR = datetime.fromisoformat("2024-06-19T21")  # 2024-06-20 03:00 at +06:00
HOURS = 61 * 24 + 1
# Outcomes are stored four days after the forecast's day.
SPINE_HOURS = HOURS + 5 * 24
MODELS = (
    *("int_price_windows_hourly", "int_stress_values", "int_stress_percentiles"),
    *("int_stress_scores", "stress_components_hourly", "stress_hourly", "divergence_hourly"),
    "int_stress_outcomes_daily",
)
COMPONENTS = ("oi_to_market_cap", "long_imbalance_24h", "intensity_24h_bp")
DIVERGENCES = ("recovery_divergence", "range_divergence")

# Labels are six hours ahead of UTC (tests/dbt/test_own_csv_recordings.py). Of a repeated hour one
# row is kept where its rows are equal, and none where they differ. Hours that are not in the file
# of liquidations are not known to be without any.
SERIES = """
create or replace temp table {series} as
select base_asset, hour_at, any_value(a) as a, any_value(b) as b, any_value(c) as c,
    any_value(d) as d, any_value(e) as e,
from (
    select distinct
        parse_filename(filename)[:3] as base_asset, column0 - interval 6 hour as hour_at, {columns},
    from read_csv('{folder}/*_{file}-history.csv', header = false, filename = true)
)
group by all
having count(*) = 1;
"""
FILES = {
    "bars": ("ohlcv", ("column1", "column2", "column3", "column4", "column5")),
    "interest": ("open-interest", ("column1", "column4", "null", "null", "null")),
    "forced": ("liquidation", ("column1", "column2", "null", "null", "null")),
}
# A point of a day is used on the next day: whether it is of the day's start or end is not said.
CAPS = """
create or replace temp table caps as
select asset as base_asset, make_timestamp(point[1]::bigint * 1000000)::date + 1 as day,
    point[2]::double as market_cap_usd,
from (
    select 'BTC' as asset, unnest(data.points) as point
    from read_json('{folder}/messari_bitcoin_marketcap.json')
    union all
    select 'ETH', unnest(data.points)
    from read_json('{folder}/messari_ethereum_marketcap.json')
);
"""
# Base units at the hour's close (open interest at its start: at the open).
UPSTREAM = """
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create or replace temp table joined as
select
    grid.hour_at, grid.base_asset, bars.a as open_usd, bars.b as high_usd, bars.c as low_usd,
    bars.d as close_usd, bars.e * close_usd as volume_usd,
    interest.a * open_usd as oi_start_usd, interest.b * close_usd as oi_usd,
    oi_usd / market_cap_usd as oi_to_market_cap,
    (forced.a * close_usd)::decimal(38, 4) as long_1h_usd,
    (forced.b * close_usd)::decimal(38, 4) as short_1h_usd,
    grid.hour_at + interval 1 hour as available_at,
from (
    select hour_at, base_asset from staging.ops.hours
    cross join (select unnest(['BTC', 'ETH', 'SOL']) as base_asset)
    where hour_at < timestamp '{end}'
) as grid
left join bars using (hour_at, base_asset)
left join interest using (hour_at, base_asset)
left join forced using (hour_at, base_asset)
left join caps on grid.base_asset = caps.base_asset and grid.hour_at::date = caps.day;

create or replace table staging.intermediate.int_tracked_assets_hourly as
select hour_at, base_asset, available_at from joined;

create or replace table staging.intermediate.int_asset_prices_hourly as
select
    hour_at, base_asset, open_usd, high_usd, low_usd, close_usd,
    lag(close_usd) over (partition by base_asset order by hour_at) as hour_before_close_usd,
    volume_usd, 'perpetual:binance' as price_source, available_at,
from joined;

create or replace table staging.intermediate.int_asset_coverage_hourly as
select hour_at, base_asset, long_1h_usd is not null as is_complete, available_at from joined;

create or replace table warehouse.marts.liquidation_imbalance_hourly as
with sums as (
    select
        *,
        if(count(long_1h_usd) over day = 24, sum(long_1h_usd) over day, null) as long_24h_usd,
        if(count(short_1h_usd) over day = 24, sum(short_1h_usd) over day, null) as short_24h_usd,
    from joined
    window day as (
        partition by base_asset order by hour_at
        range between interval 23 hour preceding and current row
    )
)
select
    hour_at, base_asset, long_1h_usd, long_24h_usd::decimal(38, 4) as long_24h_usd,
    round(
        (long_24h_usd - short_24h_usd)::double / nullif(long_24h_usd + short_24h_usd, 0)::double, 6
    ) as imbalance_24h,
    long_1h_usd is null as is_incomplete_1h, available_at,
from sums;

create or replace table warehouse.marts.leverage_hourly as
select
    hour_at, base_asset, oi_usd::decimal(38, 4) as oi_usd, oi_usd as oi_constant_venues_usd,
    oi_to_market_cap, available_at,
from joined;

create or replace table warehouse.marts.funding_hourly as
select
    hour_at, base_asset, null::double as oi_weighted_funding_8h, null::double as weighted_oi_usd,
    available_at,
from joined;

create or replace table warehouse.marts.liquidation_intensity_hourly as
select
    joined.hour_at, joined.base_asset,
    round(1e4 * joined.long_1h_usd::double / joined.oi_start_usd, 6) as long_intensity_1h_bp,
    round(1e4 * sums.long_24h_usd::double / day_before.oi_start_usd, 6) as long_intensity_24h_bp,
    sums.long_24h_usd as matched_long_24h_usd,
    day_before.oi_start_usd as matched_oi_start_24h_usd, joined.available_at,
from joined
inner join warehouse.marts.liquidation_imbalance_hourly as sums using (hour_at, base_asset)
left join joined as day_before
    on joined.base_asset = day_before.base_asset
    and joined.hour_at = day_before.hour_at + interval 23 hour;

create or replace table staging.intermediate.int_mass_below_spot_hourly as
select
    hour_at, base_asset, null::double as mass_below_spot_usd, null::double as volume_24h_usd,
    null::double as mass_below_spot, available_at,
from joined;

-- None is formed from totals.
create or replace table staging.intermediate.int_liquidation_episodes (
    hour_at timestamp, base_asset varchar, started_at timestamp, closed_at timestamp,
    is_open boolean, available_at timestamp
);
"""
READ = """
select
    outcomes.base_asset, outcomes.forecast_hour_at, stress.score as stress_score,
    outcomes.realised_volatility_24h_percentile as realised_volatility,
    outcomes.lagged_long_ratio as lagged_long_liquidations,
    divergence.recovery_divergence, divergence.range_divergence,
    {components},
    is_event_1h, is_event_4h, is_event_24h,
from staging.intermediate.int_stress_outcomes_daily as outcomes
inner join warehouse.marts.stress_hourly as stress
    on outcomes.base_asset = stress.base_asset and outcomes.forecast_hour_at = stress.hour_at
inner join warehouse.marts.divergence_hourly as divergence
    on outcomes.base_asset = divergence.base_asset
    and outcomes.forecast_hour_at = divergence.hour_at
order by all
"""


def open_home(home: Home) -> duckdb.DuckDBPyConnection:
    """Both files, read-write, as a build sees them."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{home.staging_db}' as staging")
    connection.execute(f"attach '{home.warehouse_db}' as warehouse")
    connection.execute("use warehouse")
    return connection


def build(home: Home, recordings: Path) -> None:
    """Fills the upstream tables from the files and builds the models."""
    hours = [[FIRST_HOUR + timedelta(hours=h)] for h in range(SPINE_HOURS)]
    with staging_state(home) as connection:
        for of in ("hours", "pending_hours"):
            connection.executemany(f"insert into ops.{of} (hour_at) values (?)", hours)
    with open_home(home) as connection:
        for series, (file, columns) in FILES.items():
            named = ", ".join(
                f"{one} as {name}" for one, name in zip(columns, "abcde", strict=True)
            )
            connection.execute(
                SERIES.format(series=series, file=file, columns=named, folder=recordings / SOURCE)
            )
        connection.execute(CAPS.format(folder=recordings / MARKET_CAPS))
        connection.execute(UPSTREAM.format(end=FIRST_HOUR + timedelta(hours=HOURS)))
    untested = ("--resource-type=model", "--resource-type=seed")
    run_dbt(home, ["build", *untested, "--select", "stress_weights", *MODELS])


def samples(recordings: Path) -> dict[int, Sample]:
    """The forecasts by horizon in hours."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        build(home, recordings)
        with open_home(home) as connection:
            of_components = ", ".join(f"outcomes.{one}_percentile as {one}" for one in COMPONENTS)
            found = connection.execute(READ.format(components=of_components))
            names = [column[0] for column in found.description]
            columns = dict(zip(names, zip(*found.fetchall(), strict=True), strict=True))
    made = {}
    day = floats([(one - FIRST_HOUR) / timedelta(days=1) for one in columns["forecast_hour_at"]])
    for horizon in HORIZONS:
        events = floats(list(columns[f"is_event_{horizon}h"]))
        one = Sample(
            list(columns["base_asset"]),
            day,
            day.astype(np.int64),
            events == 1,
            ~np.isnan(events),
            {
                name: floats(list(columns[name]))
                for name in (SCORE, *COMPONENTS, VOLATILITY, LAGGED, *DIVERGENCES)
            },
        )
        one.predictors["placebo_shifted_score"] = shifted_by_half(one, one.predictors[SCORE])
        made[horizon] = one
    return made
