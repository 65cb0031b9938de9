-- One row per hour and tracked base_asset with a price: the dollars of long positions that a fall of 5%
-- is estimated to liquidate, and the volume of derivatives of the 24 hours up to the hour's end.
--
-- The levels are those of liquidation_map, for every hour and with the fixed mix of leverage, so that
-- no fitted one changes the past. An hour is not joined with 30 days of levels: those of the days before
-- are carried to its midnight, once for all leverages, and what was opened on the day is first summed by
-- hour of the opening.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set hours_kept = 24 * (var('map_inventory_days') | int) %}
{%- set near_share = (var('stress_mass_percent') | int) / 100 %}

with

built as (

    select
        hour_at,
        try_cast(date_trunc('day', hour_at) as timestamp) as from_at,

    from {{ build_hours() }}

),

midnights as (

    select distinct
        from_at as midnight_at,
        from_at - interval {{ (var('map_inventory_days') | int) - 1 }} day as from_at,

    from built

),

flows as (

    from {{ ref('int_position_flows_hourly') }}

    where hour_at >= {{ first_hour_read(hours_kept - 1) }}

),

entries as (

    from {{ ref('int_position_entries_hourly') }}

    where hour_at >= {{ first_hour_read(hours_kept - 1) }}

),

volumes as (

    select
        hour_at,
        base_asset,
        case when volume_24h_usd > 0 then volume_24h_usd end as volume_usd,
        available_at,

    from {{ ref('int_asset_derivative_volumes_hourly') }}

    where hour_at in {{ build_hours() }}

),

mix as (

    from {{ ref('leverage_mix') }}

),

-- The mix weighs coins, so that a day's levels are carried once and not by leverage.
levels as (

    select
        daily.hour_at,
        daily.base_asset,
        daily.liquidated_side,
        null as leverage,
        daily.price_bucket,
        sum(
            try_cast(round(daily.position_base * mix.weight, 10) as decimal(38, 10))
        )::double as position_base,

    from {{ ref('int_liquidation_levels_daily') }} as daily
    inner join mix
        on daily.leverage = mix.leverage

    where daily.hour_at >= {{ first_hour_read(hours_kept - 24) }}
        and daily.liquidated_side = 'long'

    group by all

),

{{ hours_of_positions() }},

{{ carried_levels() }},

-- The hours of the days being built: each one's openings are placed up to its own end.
opening_hours as (

    select distinct
        hours.hour_at,
        hours.hour_at as from_at,

    from hours

    where hours.hour_at >= (select min(from_at), from built)

),

{{ placed_levels(built='opening_hours', liquidated_sides=['long']) }},

-- Each hour's price, and the day so far. Materialized, as the two below, or DuckDB would join their
-- levels with prices before it knows of which hour.
prices as (

    select distinct
        entries.hour_at,
        entries.base_asset,
        entries.hour_close_usd as price_usd,

    from entries
    inner join built
        on entries.hour_at = built.hour_at

),

day_so_far as materialized (

    select
        built.hour_at,
        built.from_at,
        prices.base_asset,
        prices.price_usd,
        min(hours.low_usd) as low_usd,
        exp(sum(hours.ln_kept_long)::double) as kept_long,
        max(hours.available_at) as available_at,

    from built
    inner join prices
        on built.hour_at = prices.hour_at
    inner join hours
        on prices.base_asset = hours.base_asset
        and date_trunc('day', built.hour_at) = date_trunc('day', hours.hour_at)
        and built.hour_at >= hours.hour_at

    group by all

),

-- Levels too far below for every hour of their day that is built are left out.
lowest_prices as (

    select
        from_at,
        base_asset,
        min(price_usd) as price_usd,

    from day_so_far

    group by all

),

opened_hourly as (

    select
        placed.hour_at as opened_hour_at,
        placed.base_asset,
        placed.liquidated_side,
        placed.price_bucket,
        sum(
            try_cast(round(placed.position_base * mix.weight, 10) as decimal(38, 10))
        )::double as position_base,

    from placed
    inner join mix
        on placed.leverage = mix.leverage
    inner join lowest_prices
        on placed.base_asset = lowest_prices.base_asset
        and date_trunc('day', placed.hour_at) = lowest_prices.from_at

    where {{ bucket_middle('placed.price_bucket') }}
        >= lowest_prices.price_usd * {{ 1 - near_share }}

    group by all

),

followed as (

    {{ what_followed('built') }}

),

followed_at_prices as materialized (

    select
        followed.hour_at,
        followed.base_asset,
        followed.opened_hour_at,
        followed.later_low_usd,
        exp(coalesce(followed.later_ln_kept_long, 0)::double) as kept_long,
        prices.price_usd,

    from followed
    inner join prices
        on followed.hour_at = prices.hour_at
        and followed.base_asset = prices.base_asset

),

near as (

    select
        day_so_far.hour_at,
        day_so_far.base_asset,
        carried.price_bucket,
        carried.position_base * day_so_far.kept_long as position_base,

    from day_so_far
    inner join carried
        on day_so_far.from_at = carried.midnight_at
        and day_so_far.base_asset = carried.base_asset

    where {{ is_out_of_reach('carried.price_bucket', 'day_so_far.low_usd', 'null') }}
        and {{ bucket_middle('carried.price_bucket') }} between
            day_so_far.price_usd * {{ 1 - near_share }} and day_so_far.price_usd

    union all

    select
        followed_at_prices.hour_at,
        followed_at_prices.base_asset,
        opened_hourly.price_bucket,
        opened_hourly.position_base * followed_at_prices.kept_long as position_base,

    from followed_at_prices
    inner join opened_hourly
        on followed_at_prices.opened_hour_at = opened_hourly.opened_hour_at
        and followed_at_prices.base_asset = opened_hourly.base_asset

    where {{ is_out_of_reach(
        'opened_hourly.price_bucket', 'followed_at_prices.later_low_usd', 'null'
    ) }}
        and {{ bucket_middle('opened_hourly.price_bucket') }} between
            followed_at_prices.price_usd * {{ 1 - near_share }} and followed_at_prices.price_usd

),

known_hours as (

    select
        hour_at,
        base_asset,
        count(case when is_open_interest_known then 1 end) over (
            partition by base_asset
            order by hour_at
            range between interval {{ hours_kept - 1 }} hour preceding and current row
        )::integer as known_hours,

    from hours

),

masses as (

    select
        hour_at,
        base_asset,
        sum(
            try_cast(
                round(position_base * {{ bucket_middle('price_bucket') }}, 6) as decimal(38, 6)
            )
        )::double as mass_usd,

    from near

    group by all

),

final as (

    select
        day_so_far.hour_at,
        day_so_far.base_asset,
        day_so_far.price_usd,
        known_hours.known_hours,
        -- Without earlier entries levels are few, and zero would be a claim.
        case
            when known_hours.known_hours >= {{ var('stress_mass_min_known_hours') }}
                then round(coalesce(masses.mass_usd, 0), 4)
        end as mass_below_spot_usd,
        volumes.volume_usd as volume_24h_usd,
        round(mass_below_spot_usd / volumes.volume_usd, 10) as mass_below_spot,
        greatest(
            day_so_far.available_at, known_at_midnight.available_at, volumes.available_at
        ) as available_at,

    from day_so_far
    inner join known_hours
        on day_so_far.hour_at = known_hours.hour_at
        and day_so_far.base_asset = known_hours.base_asset
    left join known_at_midnight
        on day_so_far.from_at = known_at_midnight.midnight_at
        and day_so_far.base_asset = known_at_midnight.base_asset
    left join masses
        on day_so_far.hour_at = masses.hour_at
        and day_so_far.base_asset = masses.base_asset
    left join volumes
        on day_so_far.hour_at = volumes.hour_at
        and day_so_far.base_asset = volumes.base_asset

)

select *,

from final

order by hour_at
