-- Each two venues that liquidated the same side of an asset in an hour have a row for each direction,
-- with the liquidations that liquidations_hourly has.
-- why: A venue that is missing is one that nobody sees to be first.
-- failure: {unexpected_count} pairs of venues have no row in contagion_hourly or other liquidations,
--   the first {example}
with

sides as (

    select
        hour_at,
        base_asset,
        venue,
        'long' as liquidated_side,
        long_events as events,
        long_usd as liquidated_usd
    from gate.liquidations_hourly
    where
        long_events > 0
        and hour_at in (select hour_at from gate.hours_of_contagion_hourly)
    union all
    select
        hour_at,
        base_asset,
        venue,
        'short' as liquidated_side,
        short_events as events,
        short_usd as liquidated_usd
    from gate.liquidations_hourly
    where
        short_events > 0
        and hour_at in (select hour_at from gate.hours_of_contagion_hourly)

),

series as (

    select sides.*
    from sides
    inner join staging.intermediate.int_tracked_assets_hourly using (hour_at, base_asset)
    union all by name
    select
        hour_at,
        'ALL' as base_asset,
        venue,
        liquidated_side,
        sum(events) as events,
        sum(liquidated_usd) as liquidated_usd
    from sides
    group by all

)

select
    series.hour_at,
    series.base_asset,
    series.liquidated_side,
    series.venue,
    others.venue as other_venue
from series
inner join series as others
    on
        series.hour_at = others.hour_at
        and series.base_asset = others.base_asset
        and series.liquidated_side = others.liquidated_side
        and series.venue != others.venue
left join {batch} as found
    on
        series.hour_at = found.hour_at
        and series.base_asset = found.base_asset
        and series.liquidated_side = found.liquidated_side
        and series.venue = found.venue
        and others.venue = found.other_venue
where
    series.events is distinct from found.events
    or series.liquidated_usd is distinct from found.liquidated_usd
    or others.events is distinct from found.other_events
