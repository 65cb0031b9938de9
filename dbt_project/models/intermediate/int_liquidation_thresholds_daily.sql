-- One row per UTC day and base_asset: the forced long dollars of a minute that open and close an
-- episode on that day, from the minutes of the hours before it. Only minutes over the floor are
-- ranked, as no threshold is under it; all minutes of hours in which a venue of the asset was covered
-- count.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set window_hours = var('episode_threshold_hours') %}
{%- set floor_usd = var('episode_floor_usd') %}
-- In most builds no day begins, and nothing is read.
{%- set first_hour %}
    (
        select min(hour_at) - interval {{ window_hours }} hour
        from {{ build_hours() }} as built
        where hour(hour_at) = 0
    )
{%- endset %}

with

coverage as (

    select
        hour_at,
        base_asset,
        venues_covered > 0 as is_known,
        available_at,

    from {{ ref('int_asset_coverage_hourly') }}

    where hour_at >= {{ first_hour }}

),

liquidations as (

    select
        minute_at,
        hour_at,
        unnest([base_asset, 'ALL']) as base_asset,
        long_usd,
        available_at,

    from {{ ref('liquidations_minutely') }}

    where hour_at >= {{ first_hour }}

),

reported as (

    select
        hour_at,
        base_asset,
        max(available_at) as available_at,

    from liquidations

    group by all

),

days as (

    select
        coverage.hour_at,
        coverage.base_asset,
        count(case when coverage.is_known then 1 end) over before_the_day as history_hours,
        max(greatest(coverage.available_at, reported.available_at)) over before_the_day
            as available_at,

    from coverage
    left join reported
        on coverage.hour_at = reported.hour_at
        and coverage.base_asset = reported.base_asset

    window before_the_day as (
        partition by coverage.base_asset
        order by coverage.hour_at
        range between interval {{ window_hours }} hour preceding and interval 1 hour preceding
    )

    qualify hour(coverage.hour_at) = 0
        and coverage.hour_at in {{ build_hours() }}
        and history_hours >= {{ var('episode_min_history_hours') }}

),

minutes as (

    select
        minute_at,
        hour_at,
        base_asset,
        sum(long_usd) as long_usd,

    from liquidations

    group by all

    having sum(long_usd) > {{ floor_usd }}

),

-- Of n minutes, the p-th percentile is the one of rank n (100 - p) / 100, rounded down, plus one from
-- the top: at least p percent of the minutes are at or under it.
ranked as (

    select
        days.hour_at,
        days.base_asset,
        minutes.long_usd,
        row_number() over (
            partition by days.hour_at, days.base_asset order by minutes.long_usd desc
        ) as place,
        60 * days.history_hours * (100 - {{ var('episode_open_percentile') }}) // 100 + 1
            as open_place,
        60 * days.history_hours * (100 - {{ var('episode_close_percentile') }}) // 100 + 1
            as close_place,

    from days
    inner join minutes
        on days.base_asset = minutes.base_asset
        and days.hour_at - interval {{ window_hours }} hour <= minutes.hour_at
        and days.hour_at > minutes.hour_at

),

percentiles as (

    select
        hour_at,
        base_asset,
        count(*) as minutes_over_floor,
        max(long_usd) filter (where place = open_place) as open_percentile_usd,
        max(long_usd) filter (where place = close_place) as close_percentile_usd,

    from ranked

    group by all

),

final as (

    select
        days.hour_at,
        days.base_asset,
        days.history_hours::integer as history_hours,
        coalesce(percentiles.minutes_over_floor, 0)::integer as minutes_over_floor,
        try_cast(
            coalesce(percentiles.open_percentile_usd, {{ floor_usd }}) as decimal(38, 4)
        ) as open_threshold_usd,
        try_cast(
            coalesce(percentiles.close_percentile_usd, {{ floor_usd }}) as decimal(38, 4)
        ) as close_threshold_usd,
        days.available_at,

    from days
    left join percentiles
        on days.hour_at = percentiles.hour_at
        and days.base_asset = percentiles.base_asset

)

from final
