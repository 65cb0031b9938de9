-- One row per venue, day, witness and span of time: whether the sides of what was liquidated go with
-- the witness (longs fall as prices fall) or against it.
{#- 2026-11-26: prices of an hour or more before say little of what has just been liquidated. -#}
{% set max_gap_minutes = 60 %}
{#- 2026-11-26: hours that move less liquidate both sides. -#}
{% set min_return = 0.003 %}

with

-- Read three times, of which each needs a few columns.
liquidations as not materialized (

    select
        hour_at::date as event_date,
        hour_at,
        venue,
        instrument,
        base_asset,
        event_at,
        liquidation_id,
        price_kind,
        price_usd::double as price_usd,
        if(liquidated_side = 'long', 1, -1) as side_sign,
        available_at,

    from {{ ref('fct_liquidations') }}

    where {{ is_of_build_days() }}
        and {{ counted_liquidations() }}

),

asset_prices as (

    select
        hour_at,
        base_asset,
        sign(close_usd - open_usd) as price_sign,
        available_at,

    from {{ ref('int_asset_prices_hourly') }}

    where {{ is_of_build_days() }}
        and abs(close_usd - open_usd) >= {{ min_return }} * open_usd

),

-- The instrument's own prices: from one liquidation to the next.
steps as (

    select
        venue,
        event_date,
        date_trunc('minute', event_at) as span_at,
        side_sign,
        greatest(available_at, lag(available_at) over instrument_day) as available_at,
        case
            when event_at - interval {{ max_gap_minutes }} minute
                <= lag(event_at) over instrument_day
                then sign(price_usd - lag(price_usd) over instrument_day)
        end as price_sign,

    from liquidations

    where price_kind not in ('entry', 'unknown')

    window
        instrument_day as (
            partition by venue, instrument, event_date
            order by event_at, liquidation_id
        )

),

by_own_prices as (

    select
        venue,
        event_date,
        span_at,
        sum(side_sign * price_sign) as with_price,
        max(available_at) as available_at,

    from steps

    group by all

),

by_span as (

    select
        venue,
        event_date,
        base_asset,
        time_bucket(interval 10 minute, event_at) as span_at,
        sign(sum(side_sign)) as side_sign,
        max(available_at) as available_at,

    from liquidations

    group by all

),

-- Each venue has one vote, so that one of many events does not outvote the others.
by_span_and_asset as (

    select
        * replace (max(available_at) over of_asset as available_at),
        sum(side_sign) over of_asset - side_sign as other_venues,

    from by_span

    window of_asset as (partition by event_date, base_asset, span_at)

),

by_other_venues as (

    select
        venue,
        event_date,
        span_at,
        sum(side_sign * sign(other_venues)) as with_others,
        max(available_at) as available_at,

    from by_span_and_asset

    group by all

),

by_hour as (

    select
        venue,
        event_date,
        hour_at as span_at,
        base_asset,
        sign(sum(side_sign)) as side_sign,
        max(available_at) as available_at,

    from liquidations

    group by all

),

by_asset_prices as (

    select
        by_hour.venue,
        by_hour.event_date,
        by_hour.span_at,
        sum(by_hour.side_sign * asset_prices.price_sign) as with_price,
        max(greatest(by_hour.available_at, asset_prices.available_at)) as available_at,

    from by_hour
    inner join asset_prices
        on by_hour.span_at = asset_prices.hour_at
        and by_hour.base_asset = asset_prices.base_asset

    group by all

),

-- A long that falls with the price is against its rise: the sum is below zero where sides are right.
final as (

    select
        venue,
        event_date,
        'side_by_own_prices' as check_name,
        span_at,
        with_price > 0 as is_opposed,
        available_at,

    from by_own_prices

    where with_price != 0

    union all

    select
        venue,
        event_date,
        'side_by_asset_prices' as check_name,
        span_at,
        with_price > 0 as is_opposed,
        available_at,

    from by_asset_prices

    where with_price != 0

    union all

    select
        venue,
        event_date,
        'side_by_other_venues' as check_name,
        span_at,
        with_others < 0 as is_opposed,
        available_at,

    from by_other_venues

    where with_others != 0

)

from final
