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

    select distinct
        liquidations.venue,
        liquidations.base_asset,
        liquidations.hour_at,

    from {{ ref('int_instrument_liquidations_hourly') }} as liquidations
    left join venues_with_listings
        on liquidations.venue = venues_with_listings.venue

    where liquidations.base_asset is not null
        and venues_with_listings.venue is null

),

after_quiet as (

    select
        venue,
        base_asset,
        hour_at,
        lag(hour_at) over (partition by venue, base_asset order by hour_at) as hour_before_at,

    from event_hours

),

-- Events whose spans meet share one span.
numbered as (

    select
        venue,
        base_asset,
        hour_at,
        count(*) filter (
            where hour_before_at is null
                or hour_at - hour_before_at > interval {{ expected_hours }} hour
        ) over (
            partition by venue, base_asset
            order by hour_at
            rows between unbounded preceding and current row
        ) as span_number,

    from after_quiet

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
        min(hour_at) as expected_from,
        max(hour_at) + interval {{ expected_hours }} hour as expected_to,
        'events' as known_from,

    from numbered

    group by venue, base_asset, span_number

)

from final
