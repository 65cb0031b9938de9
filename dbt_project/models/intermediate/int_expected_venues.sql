-- One row per venue, base_asset and span of time in which the venue normally reports liquidations of
-- the asset: it lists a trading instrument of it, or, where the venue's listings are unknown, it
-- reported a liquidation of it in the hours (expected_venue_hours) up to and including the hour.
{{ config(materialized='table') }}
{%- set expected_hours = var('expected_venue_hours') %}

with

listed_assets as (

    from {{ ref('int_listed_assets') }}

),

venues_with_listings as (

    select distinct venue,

    from listed_assets

),

event_hours as (

    select
        liquidations.venue,
        liquidations.base_asset,
        liquidations.hour_at,

    from {{ ref('int_instrument_liquidations_hourly') }} as liquidations
    left join venues_with_listings
        on liquidations.venue = venues_with_listings.venue

    where liquidations.base_asset is not null
        and venues_with_listings.venue is null

),

last_event_hours as (

    select
        venue,
        base_asset,
        max(hour_at) as last_hour_at,

    from event_hours

    group by venue, base_asset

),

-- Events whose spans meet share one span, which starts after a longer quiet.
span_starts as (

    select
        venue,
        base_asset,
        hour_at,
        lag(hour_at) over (partition by venue, base_asset order by hour_at) as hour_before_at,

    from event_hours

    qualify
        hour_before_at is null
        or hour_at - hour_before_at > interval {{ expected_hours }} hour

),

spans as (

    select
        span_starts.venue,
        span_starts.base_asset,
        span_starts.hour_at as first_hour_at,
        coalesce(
            lead(span_starts.hour_before_at) over (
                partition by span_starts.venue, span_starts.base_asset
                order by span_starts.hour_at
            ),
            last_event_hours.last_hour_at
        ) as last_hour_at,

    from span_starts
    inner join last_event_hours
        on span_starts.venue = last_event_hours.venue
        and span_starts.base_asset = last_event_hours.base_asset

),

final as (

    select
        venue,
        base_asset,
        listed_from as expected_from,
        listed_to as expected_to,
        'listing' as known_from,

    from listed_assets

    union all

    select
        venue,
        base_asset,
        first_hour_at as expected_from,
        last_hour_at + interval {{ expected_hours }} hour as expected_to,
        'events' as known_from,

    from spans

)

from final
