-- One row per UTC day (hour_at is its last hour), base_asset, horizon, side and price bucket that the
-- price reached in the first 1, 4 or 24 hours of the day: the dollars estimated there at the end of
-- the day before, by leverage, and those that were then liquidated there.
--
-- Reached are the buckets whose middle lies between the price at the end of the day before and the
-- horizon's low, for shorts its high. Only liquidations at market prices count (fill_avg, mark):
-- where a bankruptcy price stands, the market was not.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set traded_hours = 24 * (var('map_inventory_days') | int) %}

with

days as (

    select
        hour_at,
        hour_at - interval 24 hour as as_of_hour_at,

    from {{ build_hours() }}

    where hour(hour_at) = 23

),

horizons as (

    select unnest([1, 4, 24]) as horizon_hours,

),

midnights as (

    select
        as_of_hour_at + interval 1 hour as midnight_at,
        as_of_hour_at + interval 1 hour - interval {{ traded_hours }} hour as from_at,

    from days

),

entries as (

    from {{ ref('int_position_entries_hourly') }}

    where hour_at >= {{ first_hour_read(traded_hours + 23) }}
        and exists (select 1, from days)

),

flows as (

    from {{ ref('int_position_flows_hourly') }}

    where hour_at >= {{ first_hour_read(traded_hours + 23) }}
        and exists (select 1, from days)

),

prices as (

    select distinct
        hour_at,
        try_cast(date_trunc('day', hour_at) as timestamp) + interval 23 hour as day_hour_at,
        hour(hour_at) as hour_of_day,
        base_asset,
        hour_low_usd,
        hour_high_usd,
        hour_close_usd,
        available_at,

    from entries

),

levels as (

    from {{ ref('int_liquidation_levels_daily') }}

    where hour_at >= {{ first_hour_read(traded_hours) }}
        and exists (select 1, from days)

),

buckets_hourly as (

    from {{ ref('int_liquidations_by_bucket') }}

    where price_kind in ('fill_avg', 'mark')
        and hour_at >= {{ first_hour_read(23) }}
        and exists (select 1, from days)

),

{{ hours_of_positions() }},

{{ carried_levels() }},

mapped_assets as (

    from known_at_midnight

    where exists (
        select 1,
        from carried
        where carried.midnight_at = known_at_midnight.midnight_at
            and carried.base_asset = known_at_midnight.base_asset
    )

),

starts as (

    select
        days.hour_at,
        days.as_of_hour_at,
        prices.base_asset,
        prices.hour_close_usd as start_usd,
        mapped_assets.available_at,

    from days
    inner join prices
        on days.as_of_hour_at = prices.hour_at
    inner join mapped_assets
        on days.as_of_hour_at + interval 1 hour = mapped_assets.midnight_at
        and prices.base_asset = mapped_assets.base_asset

),

ranges as (

    select
        starts.hour_at,
        starts.as_of_hour_at,
        horizons.horizon_hours,
        starts.base_asset,
        starts.start_usd,
        min(prices.hour_low_usd) as low_usd,
        max(prices.hour_high_usd) as high_usd,
        max(greatest(starts.available_at, prices.available_at)) as available_at,

    from starts
    inner join prices
        on starts.hour_at = prices.day_hour_at
        and starts.base_asset = prices.base_asset
    inner join horizons
        on prices.hour_of_day < horizons.horizon_hours

    group by all

),

ranges_of_sides as (

    select
        *,
        'long' as liquidated_side,
        low_usd as reached_from_usd,
        start_usd as reached_to_usd,

    from ranges

    union all

    select
        *,
        'short' as liquidated_side,
        start_usd as reached_from_usd,
        high_usd as reached_to_usd,

    from ranges

),

buckets as (

    select
        *,
        try_cast(
            unnest(
                range({{ bucket_of('reached_from_usd') }}, {{ bucket_of('reached_to_usd') }} + 1)
            ) as integer
        ) as price_bucket,

    from ranges_of_sides

    where reached_from_usd < reached_to_usd

),

reached as (

    from buckets

    where {{ bucket_middle('price_bucket') }} between reached_from_usd and reached_to_usd

),

mapped as (

    select
        midnight_at,
        base_asset,
        liquidated_side,
        price_bucket,
        {%- for leverage in mix_leverages() %}
        coalesce(max(position_base) filter (where leverage = {{ leverage }}), 0)
        * {{ bucket_middle('price_bucket') }} as mass_{{ leverage }}x_usd,
        {%- endfor %}

    from carried

    group by midnight_at, base_asset, liquidated_side, price_bucket

),

liquidations as (

    select
        days.hour_at,
        horizons.horizon_hours,
        buckets_hourly.base_asset,
        buckets_hourly.price_bucket,
        sum(buckets_hourly.long_usd) as long_usd,
        sum(buckets_hourly.short_usd) as short_usd,
        max(buckets_hourly.available_at) as available_at,

    from days
    inner join buckets_hourly
        on days.hour_at
        = try_cast(date_trunc('day', buckets_hourly.hour_at) as timestamp) + interval 23 hour
    inner join horizons
        on hour(buckets_hourly.hour_at) < horizons.horizon_hours

    group by all

),

liquidated_in_all as (

    select
        hour_at,
        horizon_hours,
        base_asset,
        sum(long_usd) as long_usd,
        sum(short_usd) as short_usd,
        max(available_at) as available_at,

    from liquidations

    group by all

),

traded as (

    select
        days.hour_at,
        entries.base_asset,
        entries.price_bucket,
        sum(try_cast(round(entries.traded_usd, 4) as decimal(38, 4)))::double as traded_usd,

    from days
    inner join entries
        on days.as_of_hour_at >= entries.hour_at
        and days.as_of_hour_at - interval {{ traded_hours }} hour < entries.hour_at

    group by all

),

final as (

    select
        reached.hour_at,
        reached.base_asset,
        reached.horizon_hours,
        reached.liquidated_side,
        reached.price_bucket,
        {%- for leverage in mix_leverages() %}
        coalesce(mapped.mass_{{ leverage }}x_usd, 0) as mass_{{ leverage }}x_usd,
        {%- endfor %}
        coalesce(
            case reached.liquidated_side
                when 'long' then liquidations.long_usd
                else liquidations.short_usd
            end,
            0
        )::double as liquidated_usd,
        coalesce(
            case reached.liquidated_side
                when 'long' then liquidated_in_all.long_usd
                else liquidated_in_all.short_usd
            end,
            0
        )::double as liquidated_anywhere_usd,
        coalesce(traded.traded_usd, 0) as traded_usd,
        greatest(reached.available_at, liquidated_in_all.available_at) as available_at,

    from reached
    left join mapped
        on reached.as_of_hour_at + interval 1 hour = mapped.midnight_at
        and reached.base_asset = mapped.base_asset
        and reached.liquidated_side = mapped.liquidated_side
        and reached.price_bucket = mapped.price_bucket
    left join liquidations
        on reached.hour_at = liquidations.hour_at
        and reached.horizon_hours = liquidations.horizon_hours
        and reached.base_asset = liquidations.base_asset
        and reached.price_bucket = liquidations.price_bucket
    left join liquidated_in_all
        on reached.hour_at = liquidated_in_all.hour_at
        and reached.horizon_hours = liquidated_in_all.horizon_hours
        and reached.base_asset = liquidated_in_all.base_asset
    left join traded
        on reached.hour_at = traded.hour_at
        and reached.base_asset = traded.base_asset
        and reached.price_bucket = traded.price_bucket

)

select *,

from final

order by hour_at
