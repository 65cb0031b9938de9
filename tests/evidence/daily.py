"""The daily variant of the stress score and of the divergence, over daily totals of seven coins.

docs/evidence.md has the formulas. A forecast is made at the end of a day, for the next one.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from tests.evidence.measures import LAGGED, VOLATILITY, Sample, floats, shifted_by_half
from unwind.settings import PROJECT_ROOT

SCORE = "daily_stress_score"
DIVERGENCE = "daily_recovery_divergence"
WEIGHTS = PROJECT_ROOT / "dbt_project" / "seeds" / "stress_weights.csv"
SOURCE = Path("reference_totals") / "coinglass_daily"

# Days before a coin's first total are filled with zeros. The first day with one and the last day of
# the file may be parts of a day; a zero between them is not a total.
DAYS = """
create or replace table days as
with totals as (
    select
        symbol as base_asset, ts_utc::timestamp::date as day,
        liq_long_usd as long_usd, liq_short_usd as short_usd,
        min(day) filter (long_usd + short_usd > 0) over coin as first_day,
        max(day) over coin as last_day,
    from read_csv('{folder}/liquidation_agg_1d.csv')
    window coin as (partition by symbol)
)
select
    totals.base_asset, totals.day, spot.high, spot.low, spot.close, spot.volume_usd,
    if(long_usd + short_usd > 0, long_usd, null) as long_usd,
    if(long_usd + short_usd > 0, short_usd, null) as short_usd,
from totals
inner join read_csv('{folder}/spot_ohlcv_1d.csv') as spot
    on totals.base_asset || 'USDT' = spot.symbol and totals.day = spot.ts_utc::timestamp::date
where totals.day > first_day and totals.day < last_day;
"""
# Of days(base_asset, day, high, low, close, volume_usd, long_usd, short_usd).
FORMULAS = """
create or replace table features as
with steps as (
    select
        *,
        if(lag(day) over by_day = day - 1, ln(close / lag(close) over by_day), null) as log_return,
    from days
    window by_day as (partition by base_asset order by day)
),
averages as (
    select
        days.base_asset, days.day,
        if(
            count(earlier.long_usd) >= 7,
            sum(earlier.long_usd * pow(0.75, days.day - earlier.day))
            / sum(pow(0.75, days.day - earlier.day)) filter (earlier.long_usd is not null),
            null
        ) as ema_7d,
    from days
    inner join days as earlier
        on days.base_asset = earlier.base_asset
        and earlier.day between days.day - 34 and days.day
    group by all
),
windows as (
    select
        *,
        (long_usd - short_usd) / nullif(long_usd + short_usd, 0) as long_imbalance_1d,
        long_usd / nullif(volume_usd, 0) as intensity_to_spot_volume_1d,
        -- Rounded: sums of doubles differ by their order.
        if(count(log_return) over week = 7,
            round(sqrt(avg(log_return * log_return) over week), 12), null)
            as realised_volatility_7d,
        if(count(volume_usd) over week = 7,
            sum(volume_usd) over week / sum(volume_usd / ((high + low + close) / 3)) over week,
            null) as vwap_7d,
        if(count(high) over before_3d = 3, max(high) over before_3d, null) as high_3d,
        -- Of 90 known days, the one of rank 90 // 100 + 1 from the top.
        if(count(long_usd) over before_90d = 90, max(long_usd) over before_90d, null) as threshold,
        if(lead(day) over by_day = day + 1, lead(long_usd) over by_day, null) as next_long_usd,
    from steps
    window
        by_day as (partition by base_asset order by day),
        week as (by_day range between interval 6 day preceding and current row),
        before_3d as (by_day range between interval 3 day preceding and interval 1 day preceding),
        before_90d as (by_day range between interval 90 day preceding and interval 1 day preceding)
)
select
    windows.*, ema_7d,
    case
        when high_3d <= low then 1
        else (close - low) / (high_3d - low)
    end as recovery,
    long_usd / nullif(ema_7d, 0) > 1.5 and recovery < 0.382 and close < vwap_7d
        as daily_recovery_divergence,
    long_usd / nullif(threshold, 0) as lagged_long_liquidations,
    next_long_usd >= nullif(threshold, 0) as is_event,
from windows
inner join averages using (base_asset, day);

create or replace table percentiles as
with long_form as (
    unpivot (
        select
            base_asset, day, long_imbalance_1d, intensity_to_spot_volume_1d, realised_volatility_7d,
        from features
    )
    on long_imbalance_1d, intensity_to_spot_volume_1d, realised_volatility_7d
    into name component value value
)
select
    own.base_asset, own.day, own.component,
    if(
        count(earlier.value) = 90,
        50 * (
            1 + (
                count(*) filter (earlier.value < own.value)
                - count(*) filter (earlier.value > own.value)
            ) / 90
        ),
        null
    ) as percentile,
from long_form as own
inner join long_form as earlier
    on own.base_asset = earlier.base_asset and own.component = earlier.component
    and earlier.day between own.day - 90 and own.day - 1
group by all;

create or replace table forecasts as
with weights as (
    select
        case component
            when 'long_imbalance_24h' then 'long_imbalance_1d'
            when 'intensity_24h_bp' then 'intensity_to_spot_volume_1d'
            when 'realised_volatility_24h' then 'realised_volatility_7d'
        end as component,
        weight,
    from read_csv('{weights}')
),
scores as (
    select
        base_asset, day,
        if(count(percentile) = 3, round(sum(weight * percentile) / sum(weight), 4), null)
            as daily_stress_score,
        max(percentile) filter (component = 'long_imbalance_1d') as long_imbalance_1d,
        max(percentile) filter (component = 'intensity_to_spot_volume_1d')
            as intensity_to_spot_volume_1d,
        max(percentile) filter (component = 'realised_volatility_7d') as realised_volatility,
    from percentiles
    inner join weights using (component)
    group by all
)
select
    features.base_asset, features.day, is_event, daily_stress_score, daily_recovery_divergence,
    scores.long_imbalance_1d, scores.intensity_to_spot_volume_1d, realised_volatility,
    lagged_long_liquidations,
from features
left join scores using (base_asset, day)
order by base_asset, day;
"""


def compute(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables features, percentiles and forecasts of a table of days."""
    connection.execute(FORMULAS.replace("{weights}", str(WEIGHTS)))


def sample(recordings: Path) -> Sample:
    """The forecasts over the daily totals of a recordings folder."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(DAYS.replace("{folder}", str(recordings / SOURCE)))
        compute(connection)
        found = connection.execute(
            "select *, day - min(day) over () as number from forecasts order by base_asset, day"
        )
        names = [column[0] for column in found.description]
        columns = dict(zip(names, zip(*found.fetchall(), strict=True), strict=True))
    events, day = floats(list(columns["is_event"])), floats(list(columns["number"]))
    names = [SCORE, "long_imbalance_1d", "intensity_to_spot_volume_1d", VOLATILITY, LAGGED]
    made = Sample(
        list(columns["base_asset"]),
        day,
        # Blocks of three weeks: spells of daily totals last longer than three days.
        (day // 7).astype(np.int64),
        events == 1,
        ~np.isnan(events),
        {name: floats(list(columns[name])) for name in (*names, DIVERGENCE)},
    )
    made.predictors["placebo_shifted_score"] = shifted_by_half(made, made.predictors[SCORE])
    return made
