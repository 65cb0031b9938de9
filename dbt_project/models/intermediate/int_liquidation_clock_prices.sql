-- One row per venue and day: in how many whole hours its events have to be moved back for their prices
-- to lie within the market's, and how many do so as they are.
{#- 2026-11-26: no price of 345 simulated days of venues is further from its hour's range. -#}
{% set tolerance = 0.005 %}

with

liquidations as (

    select
        hour_at::date as event_date,
        hour_at,
        venue,
        base_asset,
        price_usd::double as price_usd,
        available_at,

    from {{ ref('fct_liquidations') }}

    where {{ is_of_build_days() }}
        and {{ counted_liquidations() }}
        and price_kind not in ('entry', 'unknown')

),

ranges as (

    select
        hour_at,
        base_asset,
        median(low_usd) as low_usd,
        median(high_usd) as high_usd,
        max(available_at) as available_at,

    from {{ ref('int_price_series_hourly') }}

    where {{ is_of_build_days() }}
        and has_range

    group by all

),

shifts as (

    select unnest(range(-12, 13)) as shift_hours,

),

by_shift as (

    select
        liquidations.event_date,
        liquidations.venue,
        shifts.shift_hours,
        count(*) as priced_events,
        count(*) filter (
            where liquidations.price_usd between ranges.low_usd * {{ 1 - tolerance }}
                and ranges.high_usd * {{ 1 + tolerance }}
        ) as fitting_events,
        max(greatest(liquidations.available_at, ranges.available_at)) as available_at,

    from liquidations
    cross join shifts
    inner join ranges
        on liquidations.hour_at - to_hours(shifts.shift_hours) = ranges.hour_at
        and liquidations.base_asset = ranges.base_asset

    where ranges.hour_at::date = liquidations.event_date

    group by all

),

unshifted as (

    from by_shift

    where shift_hours = 0

),

final as (

    select
        by_shift.event_date,
        by_shift.venue,
        unshifted.priced_events,
        unshifted.fitting_events,
        arg_max(
            by_shift.shift_hours,
            (by_shift.fitting_events / by_shift.priced_events, -abs(by_shift.shift_hours))
        ) as best_shift_hours,
        max(by_shift.fitting_events / by_shift.priced_events) as best_fitting_share,
        max(by_shift.available_at) as available_at,

    from by_shift
    inner join unshifted
        on by_shift.event_date = unshifted.event_date
        and by_shift.venue = unshifted.venue

    -- A shift that leaves most events without a price fits the others by chance.
    where by_shift.priced_events >= 0.5 * unshifted.priced_events

    group by all

)

from final
