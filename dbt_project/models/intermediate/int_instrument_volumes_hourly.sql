-- One row per hour, venue and instrument: the volume of a derivative in the 24 hours up to the hour's
-- end. The venue's own figure around that instant (macros/instants.sql), else the sum of the contract's
-- own bars where 24 hours are covered.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{#- 2026-11-25: a day of bars may lack half an hour; the sum is then 2% low at most. -#}
{%- set min_covered_seconds = 23.5 * 3600 %}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

volumes as (

    from {{ ref('fct_volumes') }}

    where window_hours = 24
        and volume_usd >= 0
        and base_asset is not null
        and hour_at >= {{ first_hour_read(1) }}

),

usable as (

    from {{ observations_by_hour(
        'volumes', ['venue', 'instrument', 'base_asset', 'volume_usd', 'available_at']
    ) }}

),

published as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        {{ observed_around('volume_usd', '(hour_at + interval 1 hour)') }} as volume_24h_usd,
        {{ observed_around('available_at', '(hour_at + interval 1 hour)') }} as available_at,

    from usable

    where hour_at in {{ build_hours() }}

    group by all

    having volume_24h_usd is not null

),

bars as (

    from {{ ref('int_price_series_hourly') }}

    where price_kind = 'last'
        and is_best_bars
        and volume_usd is not null
        and hour_at >= {{ first_hour_read(23) }}

),

-- The 24 hours of a trailing day: an hour's volume counts in every day that contains it.
day as (

    select unnest(range(24)) as hours_back,

),

from_bars as (

    select
        hours.hour_at,
        bars.venue,
        bars.instrument,
        bars.base_asset,
        sum(try_cast(round(bars.volume_usd, 4) as decimal(38, 4)))::double as volume_24h_usd,
        max(bars.available_at) as available_at,

    from bars
    cross join day
    inner join hours
        on bars.hour_at + to_hours(day.hours_back) = hours.hour_at

    group by all

    having sum(bars.covered_seconds) >= {{ min_covered_seconds }}

),

unioned as (

    select
        *,
        'venue' as volume_source,

    from published

    union all

    select
        *,
        'bars' as volume_source,

    from from_bars

),

final as (

    from unioned

    qualify
        row_number() over (
            partition by hour_at, venue, instrument
            order by volume_source desc, base_asset asc
        ) = 1

)

from final
