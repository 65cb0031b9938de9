-- One row per hour and base_asset, and ALL: what was traded of its derivatives in the 24 hours up to
-- the hour's end, and, of the same instruments, the open interest at that instant.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 48},
) }}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

volumes as (

    from {{ ref('int_instrument_volumes_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

open_interest as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at in {{ build_hours() }}

),

day as (

    select unnest(range(24)) as hours_back,

),

-- Instruments with a volume at any hour's end of the last day: each is expected at this one.
of_the_day as (

    select
        hours.hour_at,
        volumes.venue,
        volumes.instrument,
        volumes.base_asset,
        max(volumes.volume_24h_usd) filter (where day.hours_back = 0) as volume_24h_usd,

    from volumes
    cross join day
    inner join hours
        on volumes.hour_at + to_hours(day.hours_back) = hours.hour_at

    group by all

),

matched as (

    select
        of_the_day.hour_at,
        of_the_day.base_asset,
        of_the_day.venue,
        try_cast(round(of_the_day.volume_24h_usd, 4) as decimal(38, 4)) as volume_24h_usd,
        try_cast(round(open_interest.oi_end_usd, 4) as decimal(38, 4)) as oi_usd,

    from of_the_day
    left join open_interest
        on of_the_day.hour_at = open_interest.hour_at
        and of_the_day.venue = open_interest.venue
        and of_the_day.instrument = open_interest.instrument
        and of_the_day.base_asset = open_interest.base_asset

),

final as (

    {% for asset in ['base_asset', "'ALL'"] -%}
    select
        hour_at,
        {{ asset }} as base_asset,
        sum(volume_24h_usd)::double as volume_24h_usd,
        count(distinct venue) filter (where volume_24h_usd is not null)::integer as volume_venues,
        sum(volume_24h_usd) filter (where oi_usd is not null)::double as matched_volume_24h_usd,
        sum(oi_usd) filter (where volume_24h_usd is not null)::double as matched_oi_usd,
        bool_or(volume_24h_usd is null) as is_volume_missing,
        bool_or(volume_24h_usd is not null and oi_usd is null) as is_open_interest_missing,

    from matched

    group by all
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

from final
