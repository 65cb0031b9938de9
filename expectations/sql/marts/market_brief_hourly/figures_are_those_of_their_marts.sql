-- Dollars, regime, class and venues are those of the marts that they are from.
-- why: A text is read without its tables; a figure of its own would be believed.
-- failure: {unexpected_count} rows of market_brief_hourly have figures that their marts do not have,
--   the first {example}
with

hours as (

    select hour_at
    from gate.hours_of_market_brief_hourly

),

imbalances as (

    select
        hour_at,
        base_asset,
        long_1h_usd,
        short_1h_usd
    from warehouse.marts.liquidation_imbalance_hourly
    where hour_at in (select hour_at from hours)

),

stress as (

    select
        hour_at,
        base_asset,
        score,
        regime
    from warehouse.marts.stress_hourly
    where hour_at in (select hour_at from hours)

),

classes as (

    select
        hour_at,
        base_asset,
        unwind_class
    from warehouse.marts.unwind_classification
    where hour_at in (select hour_at from hours)

),

venues as (

    select
        hour_at,
        base_asset,
        max(total_usd) as total_usd
    from warehouse.marts.exchange_breakdown
    where
        window_hours = 1
        and venue != 'ALL'
        and total_usd > 0
        and hour_at in (select hour_at from hours)
    group by all

)

select
    briefs.hour_at,
    briefs.base_asset,
    briefs.long_usd,
    briefs.short_usd,
    briefs.regime,
    briefs.unwind_class,
    briefs.largest_venue_usd
from {batch} as briefs
left join imbalances using (hour_at, base_asset)
left join stress using (hour_at, base_asset)
left join classes using (hour_at, base_asset)
left join venues using (hour_at, base_asset)
where
    briefs.long_usd is distinct from imbalances.long_1h_usd
    or briefs.short_usd is distinct from imbalances.short_1h_usd
    or briefs.score is distinct from stress.score
    or briefs.regime is distinct from stress.regime
    or briefs.unwind_class is distinct from classes.unwind_class
    or briefs.largest_venue_usd is distinct from venues.total_usd
