{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

prices as (

    select
        hour_at,
        base_asset,
        volume_usd,
        available_at,

    from {{ ref('int_asset_prices_hourly') }}

    where volume_usd is not null
        and hour_at >= {{ first_hour_read(23) }}

),

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

-- The 24 hours of a trailing day: an hour's volume counts in every day that contains it.
day as (

    select unnest(range(24)) as hours_back,

),

final as (

    select
        hours.hour_at,
        prices.base_asset,
        max(prices.volume_usd) filter (where day.hours_back = 0) as volume_usd,
        -- A day that lacks an hour is null rather than too small.
        case
            when count(*) = 24
                then sum(try_cast(round(prices.volume_usd, 4) as decimal(38, 4)))::double
        end as volume_24h_usd,
        max(prices.available_at) as available_at,

    from prices
    cross join day
    inner join hours
        on prices.hour_at + to_hours(day.hours_back) = hours.hour_at

    group by all

)

from final
