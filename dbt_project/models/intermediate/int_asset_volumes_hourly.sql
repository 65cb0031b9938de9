{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 23},
) }}

with

prices as (

    select
        hour_at,
        base_asset,
        volume_usd,

    from {{ ref('int_asset_prices_hourly') }}

    where volume_usd is not null
        and hour_at >= {{ first_hour_read(23) }}

),

hours as (

    select hour_at from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        hours.hour_at,
        prices.base_asset,
        max(prices.volume_usd) filter (where prices.hour_at = hours.hour_at) as volume_usd,
        -- A day with an hour missing is not known, rather than small.
        case
            when count(*) = 24 then sum(round(prices.volume_usd, 4)::decimal(38, 4))::double
        end as volume_24h_usd,

    from hours
    inner join prices
        on prices.hour_at <= hours.hour_at
        and prices.hour_at > hours.hour_at - interval 24 hour

    group by all

)

select * from final
