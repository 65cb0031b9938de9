-- One row per hour of the spine and asset tracked at it: hourly statistics run over this grid.
--
-- Tracked are the largest by open interest (variable tracked_assets) and those with a counted
-- liquidation in the hours (tracked_asset_hours) up to and including the hour. An asset's open
-- interest is its largest hourly figure of the last 24 hours, so that a missed poll does not drop
-- it. Only assets in a listing of these hours or in the seed of assets are tracked: a symbol that
-- occurs in events alone stays in facts and in the totals of ALL.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set hours_kept = var('tracked_asset_hours') %}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

open_interest as (

    select
        hour_at,
        base_asset,
        oi_last_usd,
        available_at,

    from {{ ref('int_asset_open_interest_hourly') }}

    where oi_last_usd > 0
        and hour_at >= {{ first_hour_read(23) }}

),

event_hours as (

    select
        hour_at,
        base_asset,
        max(available_at) as available_at,

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and base_asset is not null
        and is_listed
        and hour_at >= {{ first_hour_read(hours_kept - 1) }}

    group by all

),

-- The 24 hours of a trailing day.
day as (

    select unnest(range(24)) as hours_back,

),

largest_of_day as (

    select
        hours.hour_at,
        open_interest.base_asset,
        max(open_interest.oi_last_usd) as oi_usd,
        max(open_interest.available_at) as available_at,

    from open_interest
    cross join day
    inner join hours
        on open_interest.hour_at + to_hours(day.hours_back) = hours.hour_at

    group by all

),

largest as (

    select
        hour_at,
        base_asset,
        available_at,

    from largest_of_day

    qualify row_number() over (partition by hour_at order by oi_usd desc, base_asset asc)
        <= {{ var('tracked_assets') }}

),

assets_with_events as (

    select distinct base_asset,

    from event_hours

),

liquidated as (

    select
        hours.hour_at,
        assets_with_events.base_asset,
        event_hours.available_at,

    from hours
    cross join assets_with_events
    asof inner join event_hours
        on assets_with_events.base_asset = event_hours.base_asset
        and hours.hour_at >= event_hours.hour_at

    where event_hours.hour_at > hours.hour_at - interval {{ hours_kept }} hour

),

candidates as (

    select
        hour_at,
        base_asset,
        max(available_at) as available_at,

    from (
        from largest
        union all
        from liquidated
    ) as tracked

    group by all

),

known_assets as (

    select base_asset,

    from {{ ref('assets') }}

),

listed_assets as (

    from {{ ref('int_listed_assets') }}

),

final as (

    select
        hour_at,
        base_asset,
        available_at,

    from candidates

    where exists (
        select 1,
        from known_assets
        where known_assets.base_asset = candidates.base_asset
    )
    or exists (
        select 1,
        from listed_assets
        where listed_assets.base_asset = candidates.base_asset
            and listed_assets.listed_from < candidates.hour_at + interval 1 hour
            and listed_assets.listed_to > candidates.hour_at - interval {{ hours_kept - 1 }} hour
    )

)

from final
