-- One row per hour being built, tracked base_asset or ALL, liquidated_side and venue that liquidated: in
-- which seconds of the hour it did, and whether its times are good to the second.
{#- 2026-11-26: so many seconds all on multiples of five by chance: once in 3,000 venues' hours. -#}
{% set coarse_seconds, min_coarse_seconds = 5, 5 %}

with

liquidations as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        venue,
        try_cast(date_diff('second', hour_at, event_at) as smallint) as second_of_hour,
        notional_usd,
        event_at_source,
        available_at,

    from {{ ref('fct_liquidations') }}

    where hour_at in {{ build_hours() }}
        and {{ counted_liquidations() }}

),

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

coverage as (

    from {{ ref('int_venue_coverage_hourly') }}

    where hour_at in {{ build_hours() }}

),

publication_rules as (

    from {{ ref('dim_venues') }}

),

-- An asset may have hundreds of thousands of liquidations in an hour, but only 3,600 seconds.
by_second as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        venue,
        second_of_hour,
        count(*) as events,
        sum(notional_usd) as liquidated_usd,
        bool_or(event_at_source = 'receive') as has_time_of_receipt,
        max(available_at) as available_at,

    from liquidations

    group by all

),

-- A venue's clock is judged by all of its seconds in the hour.
venue_hours as (

    select
        hour_at,
        venue,
        bool_or(has_time_of_receipt) as has_time_of_receipt,
        count(distinct second_of_hour) >= {{ min_coarse_seconds }}
        and bool_and(second_of_hour % {{ coarse_seconds }} = 0) as has_coarse_clock,
        max(available_at) as available_at,

    from by_second

    group by all

),

-- Of an hour that no landing covers, the source is unknown: a rule that hides events may hold.
hiding_rules as (

    select
        venue_hours.hour_at,
        venue_hours.venue,
        min(publication_rules.publication_rule) as publication_rule,

    from venue_hours
    inner join publication_rules
        on venue_hours.venue = publication_rules.venue
        and publication_rules.publication_rule != 'full'
        and venue_hours.hour_at + interval 1 hour > publication_rules.valid_from
        and (
            publication_rules.valid_to is null
            or venue_hours.hour_at < publication_rules.valid_to
        )

    group by all

),

clocks as (

    select
        venue_hours.hour_at,
        venue_hours.venue,
        venue_hours.has_time_of_receipt,
        venue_hours.has_coarse_clock,
        coalesce(coverage.publication_rule, hiding_rules.publication_rule, 'full')
            as publication_rule,
        coalesce(coverage.is_complete, false) as is_complete,
        greatest(venue_hours.available_at, coverage.available_at) as available_at,

    from venue_hours
    left join coverage
        on venue_hours.hour_at = coverage.hour_at
        and venue_hours.venue = coverage.venue
    left join hiding_rules
        on venue_hours.hour_at = hiding_rules.hour_at
        and venue_hours.venue = hiding_rules.venue

),

series as (

    select
        hour_at,
        case when grouping(base_asset) = 1 then 'ALL' else base_asset end as base_asset,
        liquidated_side,
        venue,
        sum(events)::bigint as events,
        try_cast(sum(liquidated_usd) as decimal(38, 4)) as liquidated_usd,
        list(distinct second_of_hour order by second_of_hour) as seconds,

    from by_second

    group by hour_at, liquidated_side, venue, rollup(base_asset)

),

final as (

    select
        series.hour_at,
        series.base_asset,
        series.liquidated_side,
        series.venue,
        series.events,
        series.liquidated_usd,
        series.seconds,
        -- A rule that picks one of a second's liquidations may make a venue late by up to one.
        case when clocks.publication_rule = 'full' then 0 else 1 end as clock_allowance_seconds,
        case
            when clocks.has_time_of_receipt then 'time_of_receipt'
            when clocks.has_coarse_clock then 'coarse_clock'
            when clocks.publication_rule in ('unknown', 'sampled')
                then 'unknown_publication_rule'
            when len(series.seconds) < {{ var('contagion_min_seconds') | int }} then 'few_seconds'
        end as left_out_reason,
        clocks.is_complete,
        greatest(clocks.available_at, tracked_assets.available_at) as available_at,

    from series
    inner join clocks
        on series.hour_at = clocks.hour_at
        and series.venue = clocks.venue
    left join tracked_assets
        on series.hour_at = tracked_assets.hour_at
        and series.base_asset = tracked_assets.base_asset

    where series.base_asset = 'ALL'
        or tracked_assets.base_asset is not null

)

from final
