-- One row per hour, venue and instrument: open interest in dollars at the hour's start, at its end
-- and as last seen in it.
--
-- fct_open_interest values an hour with prices of the hour before: hence two hours back in all.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 2},
) }}

with

observations as (

    select
        venue,
        instrument,
        base_asset,
        observed_at,
        hour_at,
        oi_usd,

    from {{ ref('fct_open_interest') }}

    where oi_usd >= 0
        and base_asset is not null
        and hour_at >= {{ first_hour_read(1) }}

),

-- What an hour may use: its own observations, and the last quarter of an hour before it.
usable as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        observed_at,
        oi_usd,

    from observations

    union all

    select
        hour_at + interval 1 hour as hour_at,
        venue,
        instrument,
        base_asset,
        observed_at,
        oi_usd,

    from observations

    where observed_at > hour_at + interval 45 minute

),

final as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        coalesce(
            arg_max(oi_usd, observed_at) filter (where observed_at <= hour_at),
            arg_min(oi_usd, observed_at) filter (
                where observed_at > hour_at and observed_at <= hour_at + interval 5 minute
            )
        ) as oi_start_usd,
        arg_max(oi_usd, observed_at) filter (
            where observed_at >= hour_at + interval 45 minute
        ) as oi_end_usd,
        arg_max(oi_usd, observed_at) filter (where observed_at >= hour_at) as oi_last_usd,

    from usable

    where hour_at in {{ build_hours() }}

    group by all

)

from final
